"""Messages as operators see them; camelCase on the wire. What a message carries are ids, never a person's data."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from service.acts.rules import PLAIN, Act
from service.kernel.outbox import OutboxMessage

InState = Literal["any", "pending", "done", "dead"]  # `MessageState`, or any


MOST_RETRIED = 200  # messages in one act: one transaction, one entry


class RetryMany(Act, frozen=True, kw_only=True):
    """Which dead messages shall be delivered again, the oldest first."""

    kind: (
        Annotated[
            str,
            msgspec.Meta(
                min_length=1,
                max_length=100,
                pattern=PLAIN,
                description="One kind, `mail.confirmation`, or all of a family, `mail`.",
            ),
        ]
        | None
    ) = None
    parked: Annotated[
        bool, msgspec.Meta(description="Also those that were set aside for a person before their tries were used up.")
    ] = False
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_RETRIED, description="How many at most.")] = 100


class MessageView(msgspec.Struct, rename="camel", frozen=True):
    seq: int
    kind: Annotated[str, msgspec.Meta(description="What it does: `mail.confirmation`, `refund.send`, …")]
    key: Annotated[str, msgspec.Meta(description="A second message of this kind and key changes nothing.")]
    state: Annotated[str, msgspec.Meta(description="pending, done, dead (waits for a person).")]
    attempts: int
    due_at: datetime
    leased_until: Annotated[datetime | None, msgspec.Meta(description="A worker delivers it until then.")]
    last_error: str | None
    created_at: datetime
    done_at: datetime | None
    payload: Annotated[dict[str, Any], msgspec.Meta(description="Without `orders:read` only ids are shown.")]


class MessagesView(msgspec.Struct, rename="camel", frozen=True):
    messages: list[MessageView]
    cursor: Annotated[
        str | None, msgspec.Meta(description="For the next page; a page may be short and still have one.")
    ]


def present(message: OutboxMessage, *, personal: bool) -> MessageView:
    shown = {
        name: value if personal or name.endswith("_id") or not isinstance(value, str) else "[hidden]"
        for name, value in message.payload.items()
    }
    return MessageView(
        seq=message.seq,
        kind=message.kind,
        key=message.key,
        state=message.state,
        attempts=message.attempts,
        due_at=message.due_at,
        leased_until=message.leased_until,
        last_error=message.last_error,
        created_at=message.created_at,
        done_at=message.done_at,
        payload=shown,
    )

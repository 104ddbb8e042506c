"""Events as operators see them, and what operators may say about them; camelCase on the wire."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from service.acts.rules import PLAIN, Act
from service.inbox.rules import hide_personal
from service.webhooks.tables import PaymentEvent

MOST_REPLAYED = 500  # events in one act: one transaction, one entry
MOST_TEXT = 200
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_TEXT, pattern=PLAIN)]
InState = Literal["any", "pending", "applied", "ignored", "dead", "discarded"]  # `EventState`, or any
Replayable = Literal["dead", "discarded"]


class ReplayMany(Act, frozen=True, kw_only=True):
    """Which events shall be applied again, the oldest first."""

    state: Replayable = "dead"
    provider: Text | None = None
    type: Text | None = None
    subject: Text | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_REPLAYED, description="How many at most.")] = 100


class SweepAsked(Act, frozen=True, kw_only=True):
    """Whose list is read, and from when on; left out: all, since the last sweep."""

    provider: Text | None = None
    since: (
        Annotated[
            str,
            msgspec.Meta(
                description="A time with its zone; gateways keep 30 days.", extra_json_schema={"format": "date-time"}
            ),
        ]
        | None
    ) = None


class EventView(msgspec.Struct, rename="camel", frozen=True):
    seq: Annotated[int, msgspec.Meta(description="Its number in the inbox.")]
    event_id: str
    provider: str
    type: str
    subject: Annotated[str, msgspec.Meta(description="What it is about: the order, where it is one of ours.")]
    state: Annotated[str, msgspec.Meta(description="pending, applied, ignored, dead (waits for a person), discarded.")]
    outcome: str | None
    attempts: int
    cause: Annotated[str | None, msgspec.Meta(description="Why it is dead, ignored or discarded.")]
    found_by: Annotated[str, msgspec.Meta(description="webhook, or sweep: in the gateway's own list.")]
    thin: Annotated[str | None, msgspec.Meta(description="Of a thin event: whether its object was fetched.")]
    created_at: Annotated[datetime, msgspec.Meta(description="By the gateway's clock.")]
    received_at: datetime
    due_at: datetime
    ended_at: datetime | None
    traceparent: str | None


class OneEventView(EventView, frozen=True, kw_only=True):
    last_error: str | None
    payload: Annotated[
        Any, msgspec.Meta(description="The body; without `orders:read` what tells of a person is hidden.")
    ]
    detail: Annotated[Any, msgspec.Meta(description="The object behind a thin event, likewise.")]


class EventsView(msgspec.Struct, rename="camel", frozen=True):
    events: list[EventView]
    cursor: Annotated[
        str | None, msgspec.Meta(description="For the next page; a page may be short and still have one.")
    ]


def present(event: PaymentEvent) -> EventView:
    thin = ("unfetched" if event.detail is None else "fetched") if event.is_thin else None
    return EventView(
        seq=event.seq,
        event_id=event.event_id,
        provider=event.provider,
        type=event.type,
        subject=event.subject,
        state=event.state,
        outcome=event.outcome,
        attempts=event.attempts,
        cause=event.cause,
        found_by=event.found_by,
        thin=thin,
        created_at=event.created_at,
        received_at=event.received_at,
        due_at=event.due_at,
        ended_at=event.ended_at,
        traceparent=event.traceparent,
    )


def present_one(event: PaymentEvent, *, personal: bool) -> OneEventView:
    """With its body; `personal` leaves in it what tells of a person."""
    plain = present(event)
    fields = {name: getattr(plain, name) for name in plain.__struct_fields__}
    return OneEventView(
        **fields,
        last_error=event.last_error,
        payload=_body(event.payload, personal=personal),
        detail=_body(event.detail, personal=personal) if event.detail is not None else None,
    )


def _body(body: bytes, *, personal: bool) -> Any:
    try:
        found = json.loads(body)
    except ValueError:
        found = body.decode(errors="replace")
    return found if personal else hide_personal(found)

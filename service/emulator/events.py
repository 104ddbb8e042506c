"""Events in snapshot form: what happened, with the object as it was in that moment.

`happened` is the one place where an event is made. `pending_webhooks` of a stored event is the number at birth; reading
one counts the deliveries that are still owed.
"""

from typing import Any

from service.emulator.ids import new_id
from service.emulator.store import embed
from service.emulator.wire import Obj
from service.emulator.world import Cause, World

RETAINED_S = 30 * 24 * 3600  # docs.stripe.com/api/events: the last 30 days can be listed


def happened(world: World, event_type: str, raw: bytes, cause: Cause, *, previous: Obj | None = None) -> None:
    """Record the event with `raw`, the object's JSON, and owe it to everyone who subscribed."""
    recipients = world.post.recipients(event_type)
    data: dict[str, Any] = {"object": embed(raw)}
    if previous is not None:
        data["previous_attributes"] = previous
    identifier = new_id("event")
    event: Obj = {
        "id": identifier,
        "object": "event",
        "api_version": world.api_version,
        "created": world.now(),
        "data": data,
        "livemode": False,
        "pending_webhooks": len(recipients),
        "request": {"id": cause.request_id, "idempotency_key": cause.key},
        "type": event_type,
    }
    world.store.put("event", event)
    if recipients:
        world.post.schedule(identifier, event_type, recipients)


def type_matches(wanted: str, event_type: str) -> bool:
    """`charge.*` names a group, `*` all."""
    if wanted.endswith("*"):
        return event_type.startswith(wanted[:-1])
    return wanted == event_type

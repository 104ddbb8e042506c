"""Thin events: what a delivery to an endpoint with `payload: thin` holds instead of a snapshot."""

from service.emulator.wire import Obj, encode
from service.emulator.world import World


def body(world: World, event: Obj) -> bytes:
    """The notification's bytes for a stored snapshot event."""
    del world
    return encode({"id": event["id"], "object": "v2.core.event", "type": f"v1.{event['type']}", "livemode": False})

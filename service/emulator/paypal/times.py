"""Times as PayPal writes them, from the stand-in's clock."""

from datetime import UTC, datetime

from service.emulator.world import World


def stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def now(world: World) -> str:
    return stamp(world.now())


def parsed(text: str) -> int | None:
    """Seconds since the epoch of an Internet date and time, or None when it is none, or has no zone."""
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))  # a `+` in an address that nobody escaped
    except ValueError:
        return None
    return None if moment.tzinfo is None else int(moment.timestamp())

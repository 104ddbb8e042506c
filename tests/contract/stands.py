"""Where stands are found: those of this project here, those of others by the entry-point group `cubano.contract`."""

from collections.abc import Callable
from importlib.metadata import entry_points

from tests.contract.desk import DeskStand
from tests.contract.emulated import PayPalStand, StripeStand
from tests.contract.stand import Stand

GROUP = "cubano.contract"
OURS: dict[str, Callable[[], Stand]] = {"stripe": StripeStand, "paypal": PayPalStand, "manual": DeskStand}


class UnknownStandError(Exception):
    """No stand-in is known for a provider."""


def find_stand(provider: str) -> Stand:
    """A stand of this provider, not started."""
    if provider in OURS:
        return OURS[provider]()
    found = [each for each in entry_points(group=GROUP) if each.name == provider]
    if not found:
        raise UnknownStandError(f"no installed package names a stand for {provider} in {GROUP!r}")
    made: Stand = found[0].load()()
    return made

"""Providers are found by name: the settings say which, the entry-point group `cubano.gateways` says where they are.

An entry point names a function `(Context) -> Gateway`. What stands in the settings as `CUBANO_<NAME>_…` reaches it as
`options`, so a provider of somebody else's is a package with an entry point, without a line changed here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, get_type_hints

from service.gateways.base import Gateway
from service.gateways.calls import Guard
from service.kernel.clock import Clock
from service.kernel.errors import GatewayUnavailable
from service.telemetry.registry import Telemetry

GROUP = "cubano.gateways"


@dataclass(frozen=True)
class Context:
    """What a provider is built from: its own `options` by their names in lower case (`api_key`), secrets as secrets."""

    options: Mapping[str, Any]
    timeout_s: int  # of one request to the gateway
    livemode: bool  # whether real money moves
    public_url: str
    guard: Guard
    telemetry: Telemetry
    clock: Clock


Create = Callable[[Context], Gateway]


class UnknownProviderError(Exception):
    """A name in the settings that no installed package answers to."""


class Gateways(dict[str, Gateway]):
    """The configured gateways by their names. Asked for another, it is away until it stands in the settings again."""

    def __missing__(self, name: str) -> Gateway:
        error = GatewayUnavailable(name, "provider_gone", maybe_acted=False)
        error.args = (f"provider_gone: {name} has open payments and is missing in CUBANO_PROVIDERS",)
        raise error


def describe(name: str) -> type[Gateway]:
    """The class of a provider, for what it declares, without building one: `create` is annotated with it."""
    found: type[Gateway] = get_type_hints(find_providers([name])[name])["return"]
    return found


def find_providers(names: Iterable[str]) -> dict[str, Create]:
    """The functions that build these providers, in the order of the names; raises `UnknownProviderError`."""
    known = {each.name: each for each in entry_points(group=GROUP)}
    wanted = list(names)
    if missing := [name for name in wanted if name not in known]:
        raise UnknownProviderError(
            f"no payment provider is called {', '.join(missing)}; there is {', '.join(sorted(known))}"
        )
    return {name: known[name].load() for name in wanted}

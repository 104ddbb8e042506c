"""The shop as the root builds it: database, gateways, links, switches. It says whether and through whom it sells now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from service.access.rules import OrderTokens
from service.controls.flow import Switchboard
from service.controls.rules import LOAD, MAINTENANCE, ROUTE, SALES, SHED, read_route
from service.gateways.base import Capability, Gateway
from service.gateways.breaker import Breaker
from service.gateways.routing import Choice, choose
from service.kernel.db import Database, Session
from service.kernel.errors import GatewayUnavailable, Maintenance, ProviderUnavailable, SalesPaused
from service.telemetry import catalogue
from service.telemetry.labels import ClientOutcome


@dataclass(frozen=True)
class Shop:
    """What selling needs; built once in the root. `gateways` stand in the settings' order."""

    db: Database
    gateways: dict[str, Gateway]
    tokens: OrderTokens
    hold: timedelta
    public_url: str
    switches: Switchboard
    breakers: Mapping[str, Breaker]
    slowed_percent: int = 0  # how much slower a checkout is made on purpose, in development

    @property
    def default_provider(self) -> str:
        """The settings' first choice."""
        return next(iter(self.offered or self.gateways))

    @property
    def offered(self) -> tuple[str, ...]:
        """The providers a customer may choose, in the settings' order; others are for staff."""
        return tuple(name for name, each in self.gateways.items() if Capability.OFFERED in each.capabilities)

    def choice(self) -> Choice:
        """Who may be asked for a new checkout now."""
        states = {name: self.breakers[name].state for name in self.offered}
        return choose(self.offered, read_route(self.switches.position(ROUTE)), states)

    def sells(self) -> bool:
        return self.switches.position(SALES) == "open"

    def sheds(self) -> bool:
        """Whether only those who are paying are served; `shedding` says who that is."""
        return self.switches.position(LOAD) == SHED

    def check_sales(self) -> None:
        """Raise `SalesPaused` while nothing new is sold."""
        if not self.sells():
            raise SalesPaused

    def check_open(self) -> None:
        """Raise `Maintenance` while nobody is let in."""
        if self.switches.position(MAINTENANCE) == "on":
            raise Maintenance

    def choose(self, session: Session, wished: str | None, *, counted: bool = True) -> str:
        """Whom to ask first for a new checkout; raises when nothing is sold, or when nobody is there who may be asked.

        A way around somebody is `counted` for customers only.
        """
        self.check_sales()
        choice = self.choice()
        if wished in choice.usable or (wished and wished not in self.offered):
            return wished
        if not choice.usable:
            raise GatewayUnavailable(wished or self.default_provider, ClientOutcome.NOT_SENT, maybe_acted=False)
        if wished:
            raise ProviderUnavailable(wished, choice.usable)
        if choice.detour and counted:
            session.count(catalogue.FAILOVERS, provider=self.default_provider, reason=choice.detour)
        return choice.usable[0]

    def order_link(self, order_id: str, locale: str, token: str) -> str:
        """The order's own page for whoever holds the link."""
        return f"{self.public_url}/{locale}/order/{order_id}?token={token}"

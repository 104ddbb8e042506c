"""What is told of switches and of the routing; camelCase on the wire."""

from datetime import datetime
from typing import Annotated

import msgspec

from service.acts.rules import Act
from service.controls.rules import LONGEST_LEASE, Switch
from service.controls.tables import Control, ControlHistory

LONGEST_LEASE_S = int(LONGEST_LEASE.total_seconds())
MOST_VALUE = 200  # characters: more than all providers there may be


class PutSwitch(Act, frozen=True, kw_only=True):
    """Into which position, and for how many seconds; some switches are moved only for a time."""

    value: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_VALUE, description="One of `values`.")]
    lease: (
        Annotated[
            int,
            msgspec.Meta(ge=1, le=LONGEST_LEASE_S, description="Seconds after which it goes back by itself."),
        ]
        | None
    ) = None


class ChangeView(msgspec.Struct, rename="camel", frozen=True):
    """One change; `value` null: back to the default."""

    at: datetime
    value: str | None
    by: str
    reason: str
    until: datetime | None


class SwitchView(msgspec.Struct, rename="camel", frozen=True):
    name: str
    value: str
    default: str
    values: Annotated[list[str] | None, msgspec.Meta(description="Null: some of the providers, by commas.")]
    help: str
    needs_lease: Annotated[bool, msgspec.Meta(description="Moved only with a `lease`.")]
    longest_lease: Annotated[int, msgspec.Meta(description="Seconds.")]
    since: datetime | None
    until: Annotated[datetime | None, msgspec.Meta(description="When its lease ends.")]
    by: str | None
    reason: str | None


class OneSwitchView(SwitchView, frozen=True, kw_only=True):
    history: Annotated[list[ChangeView], msgspec.Meta(description="Newest first, the last 50.")]


class SwitchesView(msgspec.Struct, rename="camel", frozen=True):
    switches: list[SwitchView]


class TurnsView(msgspec.Struct, rename="camel", frozen=True):
    """The outbound rate of one provider, in this process."""

    rate: Annotated[int, msgspec.Meta(description="Calls a second for each kind of call.")]
    waiting: Annotated[int, msgspec.Meta(description="Calls that wait for their turn now.")]
    paused: Annotated[list[str], msgspec.Meta(description="Kinds of calls the provider has told to come later.")]


class ProviderView(msgspec.Struct, rename="camel", frozen=True):
    """One provider as the process that answers sees it; the last quarter of an hour is everybody's, from the database."""

    provider: str
    offered: Annotated[bool, msgspec.Meta(description="Customers may choose it.")]
    usable: Annotated[bool, msgspec.Meta(description="It gets new checkouts now.")]
    place: Annotated[int | None, msgspec.Meta(description="Its place in the route, from 1; null: not in it.")]
    breaker: Annotated[str, msgspec.Meta(description="`closed` is well, `half_open` coming back, `open` away.")]
    breaker_switch: Annotated[str, msgspec.Meta(description="`auto` unless an operator says otherwise.")]
    turns: TurnsView
    opened: Annotated[int, msgspec.Meta(description="Attempts to pay opened in the last 15 minutes.")]
    succeeded: Annotated[int, msgspec.Meta(description="Of these, paid by now.")]
    failed: Annotated[int, msgspec.Meta(description="Of these, declined or without an answer by now.")]
    capabilities: list[str]


class RoutingView(msgspec.Struct, rename="camel", frozen=True):
    route: Annotated[list[str], msgspec.Meta(description="The switch `route`, the first choice first.")]
    usable: Annotated[list[str], msgspec.Meta(description="Who is asked for a new checkout, in this order.")]
    away: list[str]
    detour: Annotated[str | None, msgspec.Meta(description="Why the first is not the settings' first choice.")]
    sells: Annotated[bool, msgspec.Meta(description="False: the switch `sales` is paused.")]
    providers: list[ProviderView]
    as_of: datetime


def present(switch: Switch, control: Control | None) -> SwitchView:
    """The switch as it stands."""
    return SwitchView(
        name=switch.name,
        value=control.position if control else switch.normal,
        default=switch.normal,
        values=list(switch.positions) if switch.positions is not None else None,
        help=switch.help,
        needs_lease=switch.leased,
        longest_lease=LONGEST_LEASE_S,
        since=control.set_at if control else None,
        until=control.leased_until if control else None,
        by=control.set_by if control else None,
        reason=control.reason if control else None,
    )


def present_one(switch: Switch, control: Control | None, history: list[ControlHistory]) -> OneSwitchView:
    """The same with what was done to it."""
    told = [ChangeView(each.at, each.position, each.set_by, each.reason, each.leased_until) for each in history]
    plain = present(switch, control)
    return OneSwitchView(**{name: getattr(plain, name) for name in plain.__struct_fields__}, history=told)

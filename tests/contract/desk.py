"""The stand of `manual`: there is no outside, so the buyer is a person at the desk and the truth is what was said there."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from service.gateways.calls import Operation
from service.gateways.manual import RECEIVED, Said
from service.kernel.clock import utc_now
from service.kernel.money import Money
from tests.contract.stand import Delivery, Fault, Sold


class DeskStand:
    provider = "manual"
    faults: frozenset[Fault] = frozenset()  # nobody is called
    currencies: tuple[str, ...] = ("USD", "JPY", "KWD")
    signed_by: tuple[str, ...] = ()
    oldest = timedelta()
    page = 100
    knows = False

    def start(self) -> None:
        """Nothing runs."""

    def stop(self) -> None:
        """Nothing ran."""

    def settings(self) -> Mapping[str, str]:
        return {}

    def wrong_settings(self) -> Mapping[str, str] | None:
        return None

    async def begin(self) -> None:
        self._said: list[Said] = []
        self._sold: dict[str, Sold] = {}

    async def end(self) -> None:
        """Nothing is left."""

    async def pay(self, ref: str) -> None:
        payment_id, minor, currency = ref.rsplit(".", 2)
        amount = Money(int(minor), currency)
        said = _received(ref, payment_id, amount, utc_now())
        self._said.append(said)
        self._sold[ref] = Sold(ref, ref, amount, Money.zero(currency), said.order_id)

    async def decline(self, ref: str) -> None:
        raise NotImplementedError

    async def delay(self, ref: str, *, well: bool) -> None:
        raise NotImplementedError

    async def settle(self) -> None:
        raise NotImplementedError

    async def dispute(self, ref: str) -> None:
        raise NotImplementedError

    async def close_dispute(self, ref: str, *, won: bool) -> None:
        raise NotImplementedError

    async def pay_out(self) -> None:
        raise NotImplementedError

    async def break_down(self, fault: Fault, operation: Operation | None) -> None:
        raise NotImplementedError

    async def mend(self) -> None:
        """Nothing breaks."""

    async def truth(self) -> Sequence[Sold]:
        return [replace(each) for each in self._sold.values()]

    async def deliveries(self, *, thin: bool = False) -> Sequence[Delivery]:
        assert not thin
        return [Delivery(msgspec.json.encode(each), {}) for each in self._said]


def _received(ref: str, payment_id: str, amount: Money, at: datetime) -> Said:
    return Said(
        id=f"{payment_id}-received-{amount.minor}-{amount.currency}-till",
        type=f"{RECEIVED}.cash",
        created=at,
        livemode=False,
        order_id=payment_id.replace("pay_", "ord_"),
        payment_id=payment_id,
        payment_ref=ref,
        amount=amount,
        reference="till",
        by="Marta",
    )

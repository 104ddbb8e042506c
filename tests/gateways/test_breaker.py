"""A provider that does not answer is left alone, looked at from afar, and trusted again after a time of health."""

import asyncio

import pytest

from service.gateways.breaker import FAILURES, PROBES, UNWELL, Breaker
from service.gateways.calls import TERMS, Operation
from service.gateways.gate import Gate
from service.gateways.governor import Governor
from service.kernel.errors import GatewayError, GatewayRejected, GatewayUnavailable
from service.telemetry.labels import BreakerState, ClientOutcome
from service.telemetry.registry import Telemetry
from tests.webhooks.delivery import samples

HEALTHY_S = 0.12
NO_ANSWER = GatewayUnavailable("stripe", ClientOutcome.TIMEOUT)
REFUSED = GatewayRejected("stripe", "card_declined", "no")


class Provider:
    """One provider behind its gate; `ails` is what its calls raise."""

    def __init__(self) -> None:
        self.telemetry = Telemetry("test", version="0", environment="test")
        self.position = "auto"
        self.ails: GatewayError | None = None
        self.breaker = Breaker("stripe", telemetry=self.telemetry, healthy_s=HEALTHY_S, position=lambda: self.position)
        self.gate = Gate(self.breaker, Governor("stripe", rate=10_000, telemetry=self.telemetry))

    async def call(self, operation: Operation = Operation.OPEN_CHECKOUT, times: int = 1) -> list[str]:
        """How each call ended: fine, sent without luck, or not sent."""
        ended = []
        for _ in range(times):
            try:
                async with self.gate.admit(operation):
                    if self.ails:
                        raise self.ails
                ended.append("fine")
            except GatewayUnavailable as error:
                ended.append(error.reason)
            except GatewayRejected:
                ended.append("rejected")
        return ended

    async def look(self) -> BreakerState:
        """One turn of the probe."""

        async def ask() -> None:
            async with self.gate.admit(Operation.PROBE):
                if self.ails:
                    raise self.ails

        await self.breaker.probe(ask)
        return self.breaker.state

    async def open(self) -> "Provider":
        self.ails = NO_ANSWER
        await self.call(times=FAILURES)
        return self


@pytest.fixture
def provider() -> Provider:
    return Provider()


async def test_calls_without_an_answer_open_it_and_then_nothing_is_sent(provider):
    """Some in a row; from then on it is certain that the gateway did nothing."""
    provider.ails = NO_ANSWER
    ended = await provider.call(times=FAILURES + 2)

    with pytest.raises(GatewayUnavailable) as caught:
        provider.breaker.check()

    assert ["timeout"] * FAILURES + ["not_sent"] * 2 == ended
    assert (BreakerState.OPEN, False) == (provider.breaker.state, caught.value.maybe_acted)


@pytest.mark.parametrize("reason", ClientOutcome)
async def test_each_outcome_is_known_to_speak_of_health_or_not(provider, reason):
    """No answer and a refused key open it; a rejected request and "too many" are answers."""
    provider.ails = REFUSED if reason == ClientOutcome.REJECTED else GatewayUnavailable("stripe", reason)
    provider.ails = None if reason == ClientOutcome.OK else provider.ails

    for _ in range(FAILURES):
        await provider.breaker.note(provider.ails)

    expected = {ClientOutcome.TIMEOUT, ClientOutcome.UNREACHABLE, ClientOutcome.ERROR, ClientOutcome.AUTH}
    assert expected == UNWELL
    assert (reason in expected) == (provider.breaker.state is BreakerState.OPEN)


async def test_one_answer_in_between_starts_the_count_again(provider):
    """Also a refusal: whoever refuses is there."""
    provider.ails = NO_ANSWER
    await provider.call(times=FAILURES - 1)
    provider.ails = REFUSED
    await provider.call()
    provider.ails = NO_ANSWER
    await provider.call(times=FAILURES - 1)

    assert provider.breaker.state is BreakerState.CLOSED


@pytest.mark.parametrize("operation", [each for each in Operation if not TERMS[each].trips])
async def test_bookkeeping_opens_nothing(provider, operation):
    """A slow list of events is no reason to stop selling."""
    provider.ails = NO_ANSWER
    await provider.call(operation, times=2 * FAILURES)

    assert provider.breaker.state is BreakerState.CLOSED


async def test_it_comes_back_after_a_time_of_health_and_not_before(provider):
    """Open, half open with the first answered probe, closed when all of the time's probes were answered."""
    await provider.open()
    away = await provider.look()
    provider.ails = None
    first, allowed = await provider.look(), await provider.call(Operation.FETCH_CHECKOUT)
    states = [first]
    while states[-1] is not BreakerState.CLOSED:
        await asyncio.sleep(provider.breaker.probe_every_s)
        states.append(await provider.look())

    assert (BreakerState.OPEN, BreakerState.HALF_OPEN, ["fine"]) == (away, first, allowed)
    assert {BreakerState.HALF_OPEN} == set(states[:-1])
    assert PROBES / 2 <= len(states)


@pytest.mark.parametrize("how", ["probe", "call"])
async def test_a_relapse_starts_the_time_of_health_again(provider, how):
    """Seen by a probe, or by a call of an open checkout."""
    await provider.open()
    provider.ails = None
    await provider.look()
    provider.ails = NO_ANSWER
    await (provider.look() if how == "probe" else provider.call(Operation.FETCH_CHECKOUT))

    assert provider.breaker.state is BreakerState.OPEN
    provider.ails = None
    await asyncio.sleep(HEALTHY_S)
    assert await provider.look() is BreakerState.HALF_OPEN


async def test_an_operators_word_stands_above_what_was_seen(provider):
    """Forced closed everything passes, forced open nothing but the probe, and then what was seen holds again."""
    await provider.open()
    provider.ails = None
    ended = []
    for position in ("closed", "open", "auto"):
        provider.position = position
        ended.append((provider.breaker.state, await provider.call(), await provider.call(Operation.PROBE)))

    assert ended == [
        (BreakerState.CLOSED, ["fine"], ["fine"]),
        (BreakerState.OPEN, ["not_sent"], ["fine"]),
        (BreakerState.OPEN, ["not_sent"], ["fine"]),
    ]


async def test_its_state_is_a_metric(provider):
    """Exactly one state is 1."""
    await provider.open()

    shown = samples(provider.telemetry.render("")[0].decode(), "cubano_gateway_breaker")

    assert {("stripe", "open"): 1, ("stripe", "closed"): 0, ("stripe", "half_open"): 0} == {
        key: value for key, value in shown.items() if key[0] == "stripe"
    }


async def test_who_gives_up_waiting_says_nothing_about_the_provider(provider):
    """A worker that is told to end in the middle of a call."""

    async def broken_off() -> None:
        async with provider.gate.admit(Operation.REFUND):
            await asyncio.sleep(60)

    for _ in range(FAILURES):
        task = asyncio.create_task(broken_off())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    assert provider.breaker.state is BreakerState.CLOSED

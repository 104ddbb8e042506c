"""How many orders this release takes, and what gives way first: read from one run of the step ramp.

Each step is a level: how many were at it at once (so many buyers without rest; where they come when they come, the time
their requests were under way, added up), and how many orders were opened in a second, by windows, so that the law fitted to
them has intervals. The gateway's own limit stands beside it, and the lower of the two is what an on-sale gets. Nothing here
sends a request.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from loadtests.result import Outcome, Ran, Sample, Sent, percentile
from loadtests.scenario import ORDERS
from loadtests.stages import Scenario, steady
from loadtests.usl import Estimate, Fit, Level, fit, p99_at

ORDER = "checkout"  # the name of the request that opens an order
WINDOWS = 5  # of each level
SETTLE = 0.2  # of each level at its start belongs to the level before it
BEHIND = 1.0  # events a second by which the inbox grows
SATURATED = 0.85  # of a core, of all cores, or of a pool
CALM, BUSY = 0.2, 0.8  # shares of the knee at which the slowest are compared
MOST_SLOWER = 4.0  # times, from the one to the other
TAIL_S = 40.0  # for each of the two: some hundred buyers at least
ROOM = 0.7  # of a core or a pool is planned with; the rest is for bursts
GATEWAY_A_SECOND = 25.0  # new sessions, Stripe's default in live mode (docs.stripe.com/rate-limits)
CORE_HOUR = 0.05  # the usual price of one, in the currency of the answer
LEAST_POOL = 5
OF_ONE_CORE = ("serve", "work", "emulate")  # processes that cannot use more, whatever the machine has
OURS = ("serve", "work", "postgres")  # what a release costs; the stand-in is the gateway's own affair


@dataclass(frozen=True)
class Step:
    """One step of the ramp, in seconds since the run began; `users` are at it without rest, or come when they come (0)."""

    begin: float
    end: float
    users: int = 0


@dataclass(frozen=True)
class Wish:
    """What is to be sold, and what holds from outside."""

    passes: int = 2_000
    passes_per_order: float = 1.0
    gateway_per_second: float = GATEWAY_A_SECOND
    core_hour: float = CORE_HOUR


@dataclass(frozen=True)
class Used:
    """What one level had of the machine: cores by process, connections in use, calls that waited for the gateway's rate."""

    cores: Mapping[str, float]
    pool: float
    pool_size: float
    gateway_queue: float
    machine: float  # cores, those of other programs included
    behind: float = 0  # events a second more that came in than were applied

    def saturated(self, cores: int) -> Iterator[str]:
        """What had no more to give, the narrowest first."""
        found = {f"{name}: its one core": self.cores.get(name, 0) for name in OF_ONE_CORE}
        found["the pool of connections"] = self.pool / self.pool_size if self.pool_size else 0
        found[f"the machine: all {cores} cores"] = self.machine / cores
        if self.gateway_queue >= 1:
            yield "the gateway's rate"
        if self.behind >= BEHIND:
            yield "work: more comes in than it applies"
        yield from (name for name, share in sorted(found.items(), key=lambda each: -each[1]) if share >= SATURATED)


@dataclass(frozen=True)
class Capacity:
    """The law of this ramp, and what it means for a sale."""

    fit: Fit
    wish: Wish
    used: tuple[Used, ...]  # by level, in the order of the fit's
    cores: int
    others: float = 0  # of these cores, used by other programs
    slowest: tuple[float, float] | None = None  # ms at `CALM` and at `BUSY`, of buyers who came when they came

    @property
    def per_second(self) -> Estimate:
        """Orders a second that can be promised: at the knee, within the gateway's rate."""
        knee, most = self.fit.knee, self.wish.gateway_per_second
        return Estimate(*(min(each, most) for each in (knee.value, knee.low, knee.high)))

    @property
    def by_gateway(self) -> bool:
        """Whether the gateway's rate is what holds an on-sale back, and not this machine."""
        return self.fit.knee.value > self.wish.gateway_per_second

    @property
    def passes_per_minute(self) -> Estimate:
        rate, each = self.per_second, self.wish.passes_per_order * 60
        return Estimate(rate.value * each, rate.low * each, rate.high * each)

    @property
    def drains_in_s(self) -> Estimate:
        """How long an on-sale of all passes takes when the crowd never ends."""
        a_minute = self.passes_per_minute
        took = [
            self.wish.passes / each * 60 if each else math.inf for each in (a_minute.value, a_minute.high, a_minute.low)
        ]
        return Estimate(*took)

    @property
    def first_saturated(self) -> str | None:
        """What gave way at the lowest level at which anything did; None when nothing had to."""
        return next((each for used in self.used for each in used.saturated(self.cores)), None)

    @property
    def core_s_per_order(self) -> float:
        """Processor seconds of serve, work and PostgreSQL an order, at the level nearest below the knee."""
        level, used = self._at_knee
        return sum(used.cores.get(name, 0) for name in OURS) / level.per_second

    @property
    def cost_per_thousand(self) -> float:
        return self.core_s_per_order * 1_000 * self.wish.core_hour / 3_600

    @property
    def replicas(self) -> dict[str, int]:
        """How many of each process take the gateway's whole rate with room for bursts; who was behind needs a whole core."""
        level, used = self._at_knee
        wanted = self.wish.gateway_per_second / level.per_second
        cores = {"serve": used.cores.get("serve", 0), "work": used.cores.get("work", 0)}
        if used.behind >= BEHIND:
            cores["work"] = max(cores["work"], 1.0)
        return {name: max(1, math.ceil(each * wanted / ROOM)) for name, each in cores.items()}

    @property
    def pool_size(self) -> int:
        """Connections of each `serve`: those in use at the knee, with room for bursts."""
        return max(LEAST_POOL, math.ceil(self._at_knee[1].pool / ROOM))

    @property
    def slower(self) -> float:
        """How much longer the slowest wait at 80 % of the knee than at 20 %; NaN where nobody knows.

        The ramp alone tells less than was to be known: its buyers wait for their own answer before they ask again.
        """
        knee = self.fit.knee.value
        calm, busy = self.slowest or (p99_at(self.fit.levels, share * knee) for share in (CALM, BUSY))
        return busy / calm

    @property
    def _at_knee(self) -> tuple[Level, Used]:
        pairs = list(zip(self.fit.levels, self.used, strict=True))
        below = [each for each in pairs if each[0].n <= self.fit.knee_n * 1.01]
        return below[-1] if below else pairs[0]


def capacity(ran: Ran, steps: Sequence[Step], wish: Wish | None = None) -> Capacity:
    """What the ramp says; `steps` are its levels. Raises `NotEnough` when it says too little for an answer."""
    found = [(level_of(ran.generated.sent, step), used_in(ran, step)) for step in steps]
    told = {level.windows: used for level, used in found}
    fitted = fit([level for level, _ in found])
    used = tuple(told[each.windows] for each in fitted.levels)
    others = ran.watched.host_busy * ran.watched.cores
    return Capacity(fitted, wish or Wish(), used, ran.watched.cores, others)


def calm_and_busy(knee: float) -> Scenario:
    """Buyers who come when they come, first at `CALM` of the knee, then at `BUSY`; a settling time before each."""
    rates = [share * knee for share in (CALM, BUSY)]
    return Scenario(
        name="calm-and-busy",
        what="The same buyers at 20 % and at 80 % of the knee: how much longer do the slowest wait?",
        stages=tuple(steady(TAIL_S, rate, dict(ORDERS)) for rate in rates),
        drains=False,
        watched=False,
    )


def slowest_of(ran: Ran, scenario: Scenario) -> tuple[float, float]:
    """What the slowest waited in its two stages, ms."""
    calm, busy = (level_of(ran.generated.sent, step).p99_ms for step in steps_of(scenario))
    return calm, busy


def steps_of(scenario: Scenario) -> list[Step]:
    """The stages of a ramp, one after the other."""
    ends = list(itertools.accumulate(each.seconds for each in scenario.stages))
    return [Step(end - each.seconds, end, each.users) for each, end in zip(scenario.stages, ends, strict=True)]


def level_of(sent: Sequence[Sent], step: Step) -> Level:
    """One step: who is at it, and orders opened, window by window."""
    begin, end = step.begin + SETTLE * (step.end - step.begin), step.end
    edge = (end - begin) / WINDOWS
    stays = [(_began(each), _answered(each), _opens(each)) for each in sent]
    near = [each for each in stays if each[0] < end and each[1] >= begin]
    windows = []
    for number in range(WINDOWS):
        low, high = begin + number * edge, begin + (number + 1) * edge
        there = sum(max(0.0, min(high, answered) - max(low, began)) for began, answered, _ in near)
        opened = sum(opens and low <= answered < high for _, answered, opens in near)
        windows.append((float(step.users) or there / edge, opened / edge))
    within = [each for each in sent if begin <= each.at_s < end]
    waited = sorted(each.waited_ms for each in within if _opens(each))
    asked = sum(each.name == ORDER for each in within) / (end - begin)
    return Level(tuple(windows), percentile(waited, 0.99), asked)


def _answered(each: Sent) -> float:
    return each.at_s + each.waited_ms / 1000


def _began(each: Sent) -> float:
    """When it was really under way: what waits for a generator is not the server's yet."""
    return _answered(each) - each.served_ms / 1000


def _opens(each: Sent) -> bool:
    return each.name == ORDER and each.outcome is Outcome.OK


def used_in(ran: Ran, step: Step) -> Used:
    """What the processes had of the machine in this step."""
    samples = [each for each in ran.watched.samples if step.begin <= each.at_s < step.end]
    if not samples:
        return Used({}, 0, 0, 0, 0)
    first, last = samples[0], samples[-1]
    seconds = max(last.at_s - first.at_s, 1e-9)
    cores = {name: (last.cpu_s[name] - before) / seconds for name, before in first.cpu_s.items() if name in last.cpu_s}
    others = ran.watched.host_busy * ran.watched.cores
    generator = ran.generated.cpu_s / ran.seconds if ran.seconds else 0
    return Used(
        cores=cores,
        pool=_mean(samples, "pool_in_use"),
        pool_size=_mean(samples, "pool_size"),
        gateway_queue=_mean(samples, "gateway_queue"),
        machine=sum(cores.values()) + others + generator,
        behind=(last.inbox - first.inbox) / seconds,
    )


def _mean(samples: Sequence[Sample], name: str) -> float:
    return math.fsum(getattr(each, name) for each in samples) / len(samples)

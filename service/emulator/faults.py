"""Faults on demand: what goes wrong, for which requests or webhooks, how often; the same seed gives the same story.

Each fault draws from its own generator, once for every request or delivery it matches, so its decisions depend on its
seed and the order of its matches alone. A fault acts on requests, on deliveries when they are planned, or on each try
to deliver; its effects must all be of one of these.
"""

import random
from enum import Enum
from fnmatch import fnmatchcase
from typing import Annotated, Any

import msgspec

Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=1, le=100)]
MAX_WAIT_MS = 600_000
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=MAX_WAIT_MS)]


class Match(msgspec.Struct, forbid_unknown_fields=True):
    """Which requests or events; paths and event types may hold `*`."""

    method: str | None = None
    path: str | None = None
    provider: str | None = None
    event_type: str | None = None


class ErrorEffect(msgspec.Struct, forbid_unknown_fields=True):
    """An error answer; `commit` does the work first, `keep` lets the idempotency key remember the error."""

    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 500
    body: Any = None
    commit: bool = False
    keep: bool | None = None


class Effects(msgspec.Struct, forbid_unknown_fields=True):
    """What happens; the first seven on requests, the next four on planning a delivery, the last two on each try."""

    latency_ms: int | list[int] | None = None  # exactly this long, or anything between two
    error: ErrorEffect | None = None
    reset: bool | str = False  # "before" (true) or "after" the work is done
    timeout: str | None = None  # "before" or "after" the work is done: the answer never comes
    rate_limit: bool = False
    outage: bool = False
    revoke_tokens: bool = False  # every PayPal access token given out so far is worth nothing from here on
    drop: bool = False
    duplicate: Count | None = None  # how many more of the same
    delay_ms: Milliseconds | None = None
    reorder: Annotated[int, msgspec.Meta(ge=2, le=100)] | None = None  # hold this many, then send them out of order
    bad_signature: bool = False
    skew_s: int | None = None  # sign with a clock this far off


class Stage(Enum):
    REQUEST = "request"
    PLAN = "plan"
    TRY = "try"


STAGES = {
    Stage.REQUEST: ("latency_ms", "error", "reset", "timeout", "rate_limit", "outage", "revoke_tokens"),
    Stage.PLAN: ("drop", "duplicate", "delay_ms", "reorder"),
    Stage.TRY: ("bad_signature", "skew_s"),
}
API = ("/v1/", "/v2/", "/paypal/v1/", "/paypal/v2/")  # where a fault without a path strikes
MOMENTS = {False, True, "before", "after"}


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """One row of the list; without `times` it lasts until the list is replaced."""

    effects: Effects
    match: Match = msgspec.field(default_factory=Match)
    id: str = ""
    probability: Probability = 1.0
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    after: Annotated[int, msgspec.Meta(ge=0)] = 0  # let this many matches pass first


class Plan(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `PUT /_emulator/faults`."""

    faults: list[Fault]
    seed: int = 0


class FaultError(ValueError):
    """The list asks for something that makes no sense."""


class Armed:
    """A fault with its own dice and its count."""

    def __init__(self, fault: Fault, seed: int, index: int) -> None:
        self.fault = fault
        self.stage = _stage(fault, index)
        self.dice = random.Random(f"{seed}:{index}")  # noqa: S311 - replayable is the point
        self.seen = 0
        self.fired = 0

    def fires(self) -> bool:
        self.seen += 1
        drawn = self.dice.random()  # once for every match, so that the sequence never shifts
        spent = self.fault.times is not None and self.fired >= self.fault.times
        if spent or self.seen <= self.fault.after or drawn >= self.fault.probability:
            return False
        self.fired += 1
        return True


def span(latency_ms: int | list[int], index: int = 0) -> tuple[int, int]:
    """From and to; both the same for a plain number."""
    bounds = [latency_ms, latency_ms] if isinstance(latency_ms, int) else latency_ms
    if len(bounds) != 2 or not 0 <= bounds[0] <= bounds[1] <= MAX_WAIT_MS:  # noqa: PLR2004 - from and to
        raise FaultError(f"fault {index}: latency_ms is milliseconds, or [from, to], up to {MAX_WAIT_MS}")
    return bounds[0], bounds[1]


def _stage(fault: Fault, index: int) -> Stage:
    asked = {name for name, value in msgspec.structs.asdict(fault.effects).items() if value not in (None, False)}
    stages = [stage for stage, names in STAGES.items() if asked & set(names)]
    if len(stages) != 1:
        raise FaultError(f"fault {index}: its effects must be of exactly one of: requests, planned deliveries, tries")
    if fault.effects.reset not in MOMENTS or fault.effects.timeout not in {None, "before", "after"}:
        raise FaultError(f"fault {index}: reset and timeout happen 'before' or 'after' the work is done")
    if fault.effects.latency_ms is not None:
        span(fault.effects.latency_ms, index)
    return stages[0]


class Faults:
    """The list in force."""

    def __init__(self) -> None:
        self.seed = 0
        self._armed: list[Armed] = []

    def arm(self, plan: Plan) -> None:
        armed = [Armed(fault, plan.seed, index) for index, fault in enumerate(plan.faults)]
        self.seed, self._armed = plan.seed, armed

    def clear(self) -> None:
        self.seed, self._armed = 0, []

    def on_request(self, method: str, path: str) -> Armed | None:
        """The first fault that fires; without a path it is about the API of either provider, not the pages."""
        for armed in self._armed:
            match = armed.fault.match
            if (
                armed.stage is Stage.REQUEST
                and (match.method is None or match.method.upper() == method)
                and (path.startswith(API) if match.path is None else fnmatchcase(path, match.path))
                and match.provider in {None, _provider(path)}
                and armed.fires()
            ):
                return armed
        return None

    def on_delivery(self, event_type: str, *, trying: bool, provider: str = "stripe") -> list[Armed]:
        """Every fault that fires, in the order of the list."""
        stage = Stage.TRY if trying else Stage.PLAN
        return [
            armed
            for armed in self._armed
            if armed.stage is stage
            and fnmatchcase(event_type, armed.fault.match.event_type or "*")
            and armed.fault.match.provider in {None, provider}
            and armed.fires()
        ]

    def shown(self) -> dict[str, Any]:
        rows = [
            {**msgspec.to_builtins(armed.fault), "stage": armed.stage.value, "seen": armed.seen, "fired": armed.fired}
            for armed in self._armed
        ]
        return {"seed": self.seed, "faults": rows}


def _provider(path: str) -> str:
    return "paypal" if path.startswith("/paypal/") else "stripe"

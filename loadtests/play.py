"""One scenario, from the first look at the system to the last: load, faults, drain, correctness, alerts. Nothing is judged."""

import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from loadtests import machine
from loadtests.alerts import Ears
from loadtests.correct import DRAIN_S, correct
from loadtests.faults import striking
from loadtests.result import Alerts, Correctness, Ran, Span
from loadtests.stages import Scenario
from loadtests.swarm import swarming
from loadtests.target import Target, started
from loadtests.watch import Watch

ALERT_S = 30.0  # after the load an expected alert may still come
CALM_S = 45.0  # before it, what somebody was woken for earlier may still go on
TRACED = 50  # of the slowest requests are looked for among the traces
_SAY_S = 2.0

Say = Callable[[str], None]


def quiet(_: str) -> None:
    """Say nothing."""


def play(
    scenario: Scenario,
    target: Target,
    seed: int = 1,
    *,
    generators: int = 1,
    say: Say = quiet,
    folder: Path | None = None,
    whole: bool = True,
) -> Ran:
    """All of it on a running system. What the generators say goes into `folder`, or nowhere.

    One that is not `whole` ends with the load: nobody waits until all is done, and nobody looks whether it is right.

    Raises `UnhealthyError` when the system is not ready before or gone after, `GeneratorError` and `NoFaultError` when the
    test itself did not come about.
    """
    target.check()
    target.stock(scenario)
    _wait_for_calm(target, say)
    began_at, began = datetime.now(UTC), time.monotonic()
    with (
        _place(folder) as place,
        swarming(scenario, target, seed, generators=generators, folder=place) as swarm,
        Watch(target, swarm.begin()) as watch,
    ):
        with _telling(scenario, watch, say), striking(target, scenario.faults):
            generated = swarm.generated()
        watched = watch.watched()
        correctness, alerts = _afterwards(scenario, target, watch, say) if whole else (None, None)
    ran = Ran(
        scenario=scenario.name,
        seed=seed,
        began_at=began_at.isoformat(timespec="seconds"),
        seconds=scenario.seconds,
        generated=generated,
        watched=watched,
        correctness=correctness,
        alerts=alerts,
        settings=target.settings,
        commit=commit(target.tree),
        machine=machine.fingerprint(str(target.ask("SHOW server_version")[0][0])),
        took_s=time.monotonic() - began,
    )
    ran.traces = _traces(ran, target)
    return ran


def _traces(ran: Ran, target: Target) -> dict[str, list[Span]]:
    """Of the slowest requests, as far as the system kept and sent them."""
    kept = {each.trace: target.traces.trace(each.trace) for each in ran.slowest(TRACED)} if target.traces else {}
    return {name: spans for name, spans in kept.items() if spans}


def _wait_for_calm(target: Target, say: Say) -> None:
    """Alerts of what was before are none of this scenario's."""
    if target.alerting:
        with httpx.Client(timeout=5) as client:
            if not Ears.of(target.found).calm(client, CALM_S):
                say("an alert fires before anybody came, or nobody watches the rules")


def _afterwards(scenario: Scenario, target: Target, watch: Watch, say: Say) -> tuple[Correctness, Alerts | None]:
    say(
        f"{scenario.name}: waiting until everything is done"
        if scenario.drains
        else f"{scenario.name}: looking at the money"
    )
    return correct(target, within_s=DRAIN_S if scenario.drains else 0), _alerts(scenario, watch)


@contextmanager
def system_for(scenario: Scenario, folder: Path, **settings: str) -> Iterator[Target]:
    """A system of its own with what the scenario needs. Raises as `started` does."""
    given = scenario.settings | settings
    with started(folder, settings=given, watched=scenario.watched) as target:
        yield target


def commit(tree: Path) -> str:
    """The commit of a tree, with a plus sign behind it when something in it is not committed; empty where git knows none."""
    words = ["git", "-C", str(tree)]
    head = subprocess.run([*words, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run(
        [*words, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True, check=False
    )
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")


def _alerts(scenario: Scenario, watch: Watch) -> Alerts | None:
    """What was heard of alerts, the expected ones until some time after the load; None where nobody watches the rules."""
    if watch.ears is None or not scenario.watched:
        return None
    deadline = time.monotonic() + ALERT_S
    while set(scenario.expects) - watch.ears.firing and time.monotonic() < deadline:
        time.sleep(_SAY_S / 4)
    return watch.ears.told(scenario)


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="cubano-load-") as made:
        yield Path(made)


@contextmanager
def _telling(scenario: Scenario, watch: Watch, say: Say) -> Iterator[None]:
    """Say every few seconds how it goes, for the length of the block."""
    over = threading.Event()

    def tell() -> None:
        while not over.wait(_SAY_S):
            say(watch.line(scenario))

    thread = threading.Thread(target=tell, name="telling", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_SAY_S * 2)

"""One scenario, from the first look at the system to the last: load, faults, drain, correctness, alerts. Nothing is judged."""

import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from loadtests import machine
from loadtests.correct import correct
from loadtests.faults import striking
from loadtests.result import Alerts, Correctness, Ran
from loadtests.stages import Scenario
from loadtests.swarm import swarming
from loadtests.target import Target, started
from loadtests.watch import Watch, watching

ALERT_S = 30.0  # after the load an expected alert may still come
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
    began_at, began = datetime.now(UTC), time.monotonic()
    with (
        _place(folder) as place,
        swarming(scenario, target, seed, generators=generators, folder=place) as swarm,
        watching(target, swarm.begin()) as watch,
    ):
        with _telling(scenario, watch, say), striking(target, scenario.faults):
            generated = swarm.generated()
        watched = watch.watched()
        correctness, alerts = _afterwards(scenario, target, watch, say) if whole else (None, None)
    return Ran(
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


def _afterwards(scenario: Scenario, target: Target, watch: Watch, say: Say) -> tuple[Correctness, Alerts | None]:
    say(f"{scenario.name}: waiting until everything is done")
    return correct(target), _alerts(scenario, watch)


@contextmanager
def system_for(scenario: Scenario, folder: Path, **settings: str) -> Iterator[Target]:
    """A system of its own with what the scenario needs. Raises as `started` does."""
    given = scenario.settings | settings
    with started(folder, settings=given, alerts=bool(scenario.expects)) as target:
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
    """Those that had to fire and did, and others that somebody was woken for and should not have been."""
    if not watch.target.alerting:
        return None
    deadline = time.monotonic() + ALERT_S
    while set(scenario.expects) - watch.firing and time.monotonic() < deadline:
        time.sleep(_SAY_S / 4)
    fired = (watch.firing & set(scenario.expects)) | (watch.pages - set(scenario.tolerates))
    return Alerts(sorted(scenario.expects), sorted(fired))


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

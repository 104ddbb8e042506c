"""Runs an engine over a house in a file and ends it with SIGKILL at every checkpoint there is, one process each.

`python -m tests.runbooks.engine.striking FOLDER` prints a line of JSON for each strike: where it struck, and what a restarted
engine made of it. The interpreter is started once; every engine is a fork of it, and dies as a process dies.
"""

import asyncio
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runbooks.engine.desk import EngineSettings
from runbooks.engine.engine import Engine
from runbooks.engine.journal import Journal
from runbooks.engine.playbook import Autonomy
from runbooks.engine.runs import Alarm, Person
from runbooks.engine.states import State
from service.kernel.clock import Dial
from tests.runbooks.engine.books import Shelf, act, book, burns, look, verify
from tests.runbooks.engine.lamps import House, create_registry

START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
ANNA = Person("anna", frozenset({"on_call"}))
WORSE = look("house.watts", watts="> 500")
STORIES = {
    "recovers": (book(act("first"), act("second", lamp="blue"), verify(), autonomy=Autonomy.AUTO), 0, State.RECOVERED),
    "worsens": (book(act("first"), act("second", lamp="blue"), verify("bright", burns(), worse=[WORSE])), 900, State.ROLLED_BACK),
}  # fmt: skip


def nothing(_name: str) -> None:
    """Strikes nobody."""


def open_engine(folder: Path, story: str, clock: Dial, checkpoint: Callable[[str], None]) -> Engine:
    steps, watts, _ = STORIES[story]
    folder.mkdir(exist_ok=True)
    row = {"version": "v1", "green": True, "at": START.isoformat()}
    (folder / "evidence.json").write_text(json.dumps({"LampOut": {"lamp-out": row}}))
    house = House(folder / "lamps.jsonl", watts=watts)
    settings = EngineSettings(look_again_s=0.001)
    journal = Journal.open(folder)
    return Engine(Shelf(steps), create_registry(), house, journal, clock, settings=settings, checkpoint=checkpoint)


async def play(engine: Engine, clock: Dial) -> None:
    """The alarm, an approval where one is needed, an end, and half an hour more."""
    await engine.recover()
    run = await engine.take(Alarm("LampOut", {"lamp": "red"}, "2026-11-23T03:00:00Z"))
    for _ in range(3):
        await engine.advance()
        if run.state is State.AWAITING_APPROVAL:
            await engine.approve(run.id, run.plan.hash, ANNA)
        clock.advance(5)
    for _ in range(4):
        clock.advance(300)
        await engine.advance()


def fork(work: Callable[[], None]) -> int:
    """Does the work in a process of its own, and answers how that ended."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:  # whatever it was, this process must not go on as its parent
            if code:
                traceback.print_exc()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def strike(folder: Path, story: str, at: int, since: timedelta = timedelta(0)) -> int:
    """Plays until the checkpoint of this number, and is killed there; 0 when there is none."""
    count = 0

    def struck(name: str) -> None:
        nonlocal count
        count += 1
        if count == at:
            if not since:
                (folder / "struck").write_text(name)
            os.kill(os.getpid(), signal.SIGKILL)

    clock = Dial(START + since)
    return fork(lambda: asyncio.run(play(open_engine(folder, story, clock, struck), clock)))


def verdict(folder: Path, story: str) -> dict:
    """What is left when an engine has gone on to the end."""
    engine = open_engine(folder, story, Dial(START + timedelta(hours=3)), nothing)
    house, run = House(folder / "lamps.jsonl"), engine.runs()[0]
    keys = [each["key"] for each in house.switched]
    found = {
        "state": run.state,
        "expected": STORIES[story][2],
        "runs": len(engine.runs()),
        "faults": engine.journal.verify(),
        "twice": len(keys) - len(set(keys)),
        "red": house.is_on("red"),
        "blue": house.is_on("blue"),
        "why": run.reason,
        "pending": run.pending is not None,
        "acts": sorted({each["action"] for each in house.switched}),
    }
    engine.journal.close()
    return found


def tell(found: dict) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def main(folder: Path) -> None:
    for story in STORIES:
        number, ended = 0, -signal.SIGKILL
        while ended == -signal.SIGKILL:
            number += 1
            place = folder / f"{story}-{number}"
            ended = strike(place, story, number)
            if ended != -signal.SIGKILL:
                break
            again = strike(place, story, 2, timedelta(seconds=10))  # and once more, right after the restart
            last = strike(place, story, 0, timedelta(seconds=20))
            found = {"story": story, "number": number, "at": (place / "struck").read_text()}
            tell(found | {"codes": [again, last]} | verdict(place, story))
        tell({"story": story, "whole": ended})


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""What Locust loads: `locust -f loadtests/locustfile.py --headless --scenario smoke --target up.json`.

One process plays all, or a master with workers, on one machine or several: the master reads the options and tells each
worker its share and the moment it begins, so workers need none. The rows come to the master, which writes them down.
"""

import json
import time
import uuid
from argparse import Namespace
from pathlib import Path
from typing import Any

import gevent
import msgspec
from locust import LoadTestShape, events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from loadtests.gather import Gathered
from loadtests.scenario import SCENARIOS
from loadtests.stages import Scenario
from loadtests.turns import Part, Told, Turns
from loadtests.users import USERS
from loadtests.users.person import Person

PART, TOLD = "cubano-part", "cubano-told"  # the messages to workers, and theirs
BEGIN_S = 2.0  # until all have heard of it
GRACE_S = 45.0  # for those who have begun: longer than anybody's patience
_TELL_S = 1.0
_PULSE_S = 0.02
_SPARE = 20  # people more than are needed
_STAY_S = 4  # how long a turn takes at most, on average; who is free takes the next
_MOST = 1_000  # people of one generator

Person.kinds = USERS  # the only place that knows both
__all__ = ["Crowd", "Person"]


class Crowd(LoadTestShape):
    """All people at once, until all turns are over; who is on the way gets some time to end."""

    gathered: Gathered | None = None

    def tick(self) -> tuple[int, float] | None:
        if self.runner is None or (self.gathered and self.gathered.over(GRACE_S)):
            return None
        count = _people(_scenario(self.runner.environment))
        return count, count


@events.init_command_line_parser.add_listener
def _options(parser: LocustArgumentParser) -> None:
    own = parser.add_argument_group("scenario")
    own.add_argument("--scenario", default="smoke", help="Its name, or a file of JSON that describes it.")
    own.add_argument("--seed", type=int, default=1, help="The same seed brings the same people at the same moments.")
    own.add_argument("--scale", type=float, default=1.0, help="All rates times this.")
    own.add_argument("--target", default="", help="A file with the line of JSON that `cubano up --json` printed.")
    own.add_argument("--generated", default="", help="The file to write the rows to, as msgpack.")
    own.add_argument("--beginning", default="", help="A file to write to when it begins, as soon as that is known.")


@events.init.add_listener
def _wire(environment: Environment, **_: Any) -> None:
    runner = environment.runner
    if isinstance(runner, MasterRunner):
        runner.register_message(TOLD, _hear)
    if isinstance(runner, WorkerRunner):
        runner.register_message(PART, _obey)


@events.test_start.add_listener
def _start(environment: Environment, **_: Any) -> None:
    runner = environment.runner
    if isinstance(runner, WorkerRunner):
        return  # it was told already
    options = _given(environment)
    found = json.loads(Path(options.target).read_text())
    environment.host = found["api"]
    part = Part(_scenario(environment), options.seed, uuid.uuid4().hex[:8], found, time.time() + BEGIN_S)
    count = runner.worker_count if isinstance(runner, MasterRunner) else 1
    _crowd(environment).gathered = Gathered(part, count)
    if options.beginning:
        Path(options.beginning).write_text(f"{part.began_at}\n")
    if isinstance(runner, MasterRunner):
        for index, worker in enumerate(runner.clients.values()):
            share = msgspec.structs.replace(part, index=index, count=count)
            runner.send_message(PART, msgspec.to_builtins(share), client_id=worker.id)
    else:
        _take_part(environment, part)


def _obey(environment: Environment, msg: Any, **_: Any) -> None:
    _take_part(environment, msgspec.convert(msg.data, Part))


def _take_part(environment: Environment, part: Part) -> None:
    Person.turns = Turns(part)
    gevent.spawn(_pulse, Person.turns)
    gevent.spawn(_tell_on, environment)


def _pulse(turns: Turns) -> None:
    """How late we are ourselves; what went on before anybody came is nobody's lateness."""
    gevent.sleep(max(0.0, -turns.now()))
    turns.load.begin()
    while True:
        before = time.monotonic()
        gevent.sleep(_PULSE_S)
        turns.load.note((time.monotonic() - before - _PULSE_S) * 1000, _PULSE_S * 1000)


def _tell_on(environment: Environment) -> None:
    while True:
        gevent.sleep(_TELL_S)
        _tell(environment)


@events.test_stop.add_listener
def _tell(environment: Environment, **_: Any) -> None:
    runner = environment.runner
    if isinstance(runner, MasterRunner) or not hasattr(Person, "turns"):
        return
    told = Person.turns.tell(under_way=runner.user_count if runner else 0)
    if isinstance(runner, WorkerRunner):
        runner.send_message(TOLD, msgspec.to_builtins(told))
    else:
        _note(environment, "local", told)


def _hear(environment: Environment, msg: Any, **_: Any) -> None:
    _note(environment, msg.node_id, msgspec.convert(msg.data, Told))


def _note(environment: Environment, whose: str, told: Told) -> None:
    if gathered := _crowd(environment).gathered:
        gathered.hear(whose, told)


@events.quitting.add_listener
def _write(environment: Environment, **_: Any) -> None:
    gathered = _crowd(environment).gathered
    if gathered and (path := _given(environment).generated):
        Path(path).write_bytes(msgspec.msgpack.encode(gathered.generated()))


def _given(environment: Environment) -> Namespace:
    if environment.parsed_options is None:
        raise TypeError("Locust was started without its command line")
    options: Namespace = environment.parsed_options
    return options


def _crowd(environment: Environment) -> Crowd:
    if not isinstance(environment.shape_class, Crowd):
        raise TypeError("the crowd is this file's own")
    return environment.shape_class


def _scenario(environment: Environment) -> Scenario:
    options = _given(environment)
    known = SCENARIOS.get(options.scenario)
    scenario = known or msgspec.json.decode(Path(options.scenario).read_bytes(), type=Scenario)
    return scenario if options.scale == 1 else scenario.scaled(options.scale)


def _people(scenario: Scenario) -> int:
    return min(_MOST, round(scenario.peak * _STAY_S) + scenario.most_users + _SPARE)

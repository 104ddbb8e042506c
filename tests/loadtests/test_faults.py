"""What breaks in a scenario breaks when it says, and is whole again whatever ends the scenario."""

import subprocess
import threading
from pathlib import Path

import httpx
import psycopg
import pytest

from loadtests.faults import KINDS, NoFaultError, striking
from loadtests.scenario import SCENARIOS
from loadtests.stages import Fault
from loadtests.target import Target
from tests.local.programs import eventually

SLOW = {"match": {"provider": "stripe"}, "effects": {"latency_ms": 3_000}}
LONG_S = 60.0


@pytest.fixture
def sleeper():
    """A process that does nothing, which can stand still."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def state(process: subprocess.Popen) -> str:
    """R, S or T, as the kernel says."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_process_stands_still_and_goes_on(sleeper):
    """From when to when it says."""
    target = Target({"pids": {"serve": sleeper.pid}})

    with striking(target, [Fault(at_s=0, until_s=0.3, kind="process.still", args={"process": "serve"})]):
        assert eventually(lambda: state(sleeper) == "T", 5)
        assert eventually(lambda: state(sleeper) == "S", 5)


def test_the_end_of_a_scenario_mends_everything(sleeper):
    """Also when it is broken off."""
    target = Target({"pids": {"postgres": sleeper.pid}})

    def broken_off() -> None:
        with striking(target, [Fault(at_s=0, until_s=LONG_S, kind="database.still")]):
            assert eventually(lambda: state(sleeper) == "T", 5)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()

    assert eventually(lambda: state(sleeper) == "S", 5)


def test_the_gateways_wire_is_slow_and_quick_again(emulator_url):
    """The stand-in has the fault for the length of the block, and none behind it."""
    target = Target({"emulator": emulator_url})

    with striking(target, [Fault(at_s=0, until_s=LONG_S, kind="wire", args=SLOW)]):
        assert eventually(lambda: [3_000] == latencies(emulator_url), 5)

    assert [] == latencies(emulator_url)


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_the_stand_in_knows_every_fault_of_the_table(scenario, emulator_url):
    """What it refuses would end a scenario in its middle."""
    target = Target({"emulator": emulator_url})
    faults = [fault for fault in scenario.faults if fault.kind == "wire"]

    heals = [KINDS["wire"](target, fault.args) for fault in faults]

    assert bool(faults) == bool(httpx.get(f"{emulator_url}/_emulator/faults", timeout=5).json()["faults"])
    for heal in heals:
        heal()


def latencies(emulator_url: str) -> list[int]:
    found = httpx.get(f"{emulator_url}/_emulator/faults", timeout=5).json()["faults"]
    return [each["effects"]["latency_ms"] for each in found]


def test_a_table_is_somebody_elses_for_a_while(database_url):
    """Whoever wants it waits; afterwards it is everybody's."""
    target, held = Target({"database_url": database_url}), threading.Event()
    fault = Fault(at_s=0, until_s=LONG_S, kind="database.locked", args={"table": "orders"})

    def is_free() -> bool:
        with psycopg.connect(database_url, autocommit=True) as session:
            session.execute("SET lock_timeout = '50ms'")
            try:
                session.execute("SELECT count(*) FROM orders")
            except psycopg.errors.LockNotAvailable:
                held.set()
        return not held.is_set()

    with striking(target, [fault]):
        assert eventually(lambda: not is_free(), 5)
    held.clear()

    assert is_free()


def test_a_fault_that_cannot_be_made_is_told():
    """A scenario without its fault proves nothing."""
    nowhere = Target({"emulator": "http://127.0.0.1:9"})

    with pytest.raises(NoFaultError), striking(nowhere, [Fault(at_s=0, until_s=1, kind="wire", args=SLOW)]):
        threading.Event().wait(0.3)

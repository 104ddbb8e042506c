"""The table of scenarios: everything it names exists, and it travels to another machine as it is."""

import ast
from pathlib import Path

import msgspec
import pytest

from loadtests.faults import KINDS
from loadtests.scenario import SCENARIOS
from loadtests.stages import PLENTY, Scenario
from monitoring.alerts import ALERTS
from service.local.festival import FESTIVAL
from service.settings import Settings

SCENARIO = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())


def users() -> set[str]:
    """The kinds there are; read, not imported: Locust patches the standard library."""
    tree = ast.parse(Path("loadtests/users/__init__.py").read_text())
    table = next(node.value for node in ast.walk(tree) if isinstance(node, ast.AnnAssign))
    return {key.value for key in table.keys}


def test_the_ones_the_gate_needs_are_there():
    """The list of the release gate."""
    needed = {
        *("smoke", "steady", "on-sale-burst", "webhook-storm", "slow-gateway", "gateway-down", "database-hiccup"),
        *("soak", "ramp", "overload-recovery", "card-testing"),
    }

    assert needed == set(SCENARIOS)


@SCENARIO
def test_what_it_names_exists(scenario):
    """Kinds of users, of faults, alerts, ticket types, settings."""
    assert {kind for stage in scenario.stages for kind in stage.mix} <= users()
    assert {fault.kind for fault in scenario.faults} <= set(KINDS)
    assert {*scenario.expects, *scenario.tolerates} <= {alert.name for alert in ALERTS}
    assert set(scenario.wants) <= {each.slug for each in FESTIVAL}
    assert {name.removeprefix("CUBANO_").lower() for name in scenario.settings} <= set(Settings.model_fields)


@SCENARIO
def test_faults_begin_and_end_within_it(scenario):
    """A fault that outlives its scenario would break the next one."""
    assert all(0 <= fault.at_s < fault.until_s <= scenario.seconds for fault in scenario.faults)


@SCENARIO
def test_it_travels(scenario):
    """A worker on another machine plays the very same."""
    assert scenario == msgspec.json.decode(msgspec.json.encode(scenario), type=Scenario)


def test_in_small_it_is_the_same():
    """Rates and seats by one factor, everything's length by the other; the mix stays."""
    small = SCENARIOS["on-sale-burst"].scaled(0.5, seconds=0.4)

    assert pytest.approx(8) == small.seconds
    assert 8 == small.peak
    assert 20 == small.seats
    assert SCENARIOS["on-sale-burst"].stages[0].mix == small.stages[0].mix


def test_in_small_faults_move_along():
    """They strike at the same part of the scenario."""
    small = SCENARIOS["gateway-down"].scaled(1, seconds=0.1)

    assert [(1, 5)] == [(fault.at_s, fault.until_s) for fault in small.faults]
    assert PLENTY == small.seats


def test_in_small_somebody_is_left():
    """A closed stage never has nobody."""
    assert {1, 2, 3} >= {stage.users for stage in SCENARIOS["ramp"].scaled(0.1).stages}
    assert 1 == SCENARIOS["ramp"].stages[0].users

"""Who hears of what, asked of the real amtool."""

import re
import subprocess

import pytest
import yaml

from monitoring import build, routing
from monitoring.alerts import ALERTS
from service.local.binaries import Tool
from tests.monitoring.binaries import needed
from tests.shape.tree import ROOT

COMMITTED = ROOT / "monitoring" / "alertmanager.yml"


def fits(pattern, name) -> bool:
    return re.fullmatch(pattern, name) is not None


@pytest.fixture
def with_responder(tmp_path):
    wishes = build.Wishes(webhook="http://127.0.0.1:9103/alerts", watchdog="http://127.0.0.1:9103/alive")
    build.write(build.running(wishes), tmp_path)
    return tmp_path / "alertmanager.yml"


def asked(*words) -> str:
    done = subprocess.run([needed(Tool.AMTOOL), *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout.strip()


def receivers(config, **labels) -> str:
    words = [f"{name}={value}" for name, value in labels.items()]
    return asked("config", "routes", "test", f"--config.file={config}", *words)


@pytest.mark.parametrize("scale", [1, 60])
def test_alertmanager_takes_it(tmp_path, scale):
    """As committed and in a drill, with a responder and without."""
    build.write(build.running(build.Wishes(scale, webhook="http://127.0.0.1:1/x")), tmp_path)

    assert "SUCCESS" in asked("check-config", tmp_path / "alertmanager.yml")
    assert "SUCCESS" in asked("check-config", COMMITTED)


@pytest.mark.parametrize(
    ("labels", "alone", "responding"),
    [
        ({"severity": "critical", "alertname": "DbDown"}, "page", "responder,page"),
        ({"severity": "warning", "alertname": "GatewaySlow"}, "digest,desk", "responder,digest,desk"),
        ({"severity": "info", "alertname": "BooksCaughtUp"}, "digest", "digest"),
        ({"severity": "info", "alertname": "Watchdog"}, "watchdog", "watchdog"),
        ({"severity": "", "alertname": "SomebodyElses"}, "page", "page"),  # no tier is no reason to stay silent
    ],
)
def test_each_tier_has_its_way(with_responder, labels, alone, responding):
    """People by tier; the program hears of everything that must be acted on."""
    assert (alone, responding) == (receivers(COMMITTED, **labels), receivers(with_responder, **labels))


def test_only_warnings_wait_for_the_morning():
    """Nights and weekends mute the desk, and nobody else."""
    routes = yaml.safe_load(COMMITTED.read_text())["route"]["routes"]

    assert ["desk"] == [route["receiver"] for route in routes if "mute_time_intervals" in route]


def test_a_repetition_is_not_due_exactly_when_it_is_looked_for():
    """The letter before was sent a moment after its turn began, so one that is due a whole interval later is left out."""
    route = yaml.safe_load(COMMITTED.read_text())["route"]

    for each in [route, *route["routes"]]:
        paces = {**{name: route[name] for name in ("group_interval", "repeat_interval")}, **each}
        assert paces["group_interval"] != paces["repeat_interval"], each


def test_what_another_does_is_not_explained():
    """A worker that is gone says nothing of another target, nor a loop that nobody waits for about those others wait for."""
    rules = yaml.safe_load(COMMITTED.read_text())["inhibit_rules"]
    down = [rule for rule in rules if any("TargetDown" in each for each in rule["target_matchers"])]
    stalled = [rule for rule in rules if 'alertname="WorkerStalled"' in rule["source_matchers"]]

    assert down
    assert all(any(each.startswith("job=") for each in rule["target_matchers"]) for rule in down)
    assert stalled
    assert all(any(each.startswith("loop=~") for each in rule["source_matchers"]) for rule in stalled)


def test_causes_and_symptoms_are_alerts():
    """An inhibition of a name that nobody fires any more would silence nothing, silently."""
    names = {alert.name for alert in ALERTS}

    for cause, symptoms, _ in routing.CAUSES:
        assert cause in names
        assert not fits(symptoms, cause)
        for pattern in re.split(r"[|](?![^(]*[)])", symptoms):
            assert any(fits(pattern, name) for name in names), pattern


def test_what_must_never_be_is_never_silenced():
    """No cause explains money that does not add up."""
    never = {alert.name for alert in ALERTS if alert.kind == "never"}

    assert set() == {name for name in never for _, symptoms, _ in routing.CAUSES if fits(symptoms, name)}

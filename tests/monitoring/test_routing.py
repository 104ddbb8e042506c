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


def test_the_responder_is_called_with_its_token(tmp_path):
    """The token stands in a file of its own, so that what is built holds no secret."""
    url, file = "http://127.0.0.1:8300/alertmanager", str(tmp_path / "token")
    built = yaml.safe_load(build.running(build.Wishes(webhook=url, watchdog=url, token_file=file))["alertmanager.yml"])

    called = {each["name"]: each["webhook_configs"][0] for each in built["receivers"] if "webhook_configs" in each}
    assert {"watchdog", "responder"} == set(called)
    assert [{"authorization": {"credentials_file": file}}] * 2 == [each["http_config"] for each in called.values()]


def inhibitions() -> list[dict]:
    return yaml.safe_load(COMMITTED.read_text())["inhibit_rules"]


def silences(rule, cause, symptom) -> bool:
    """Whether a rule of alertmanager.yml names both."""
    names = [re.search(r'alertname=~?"(.*)"', " ".join(rule[side])) for side in ("source_matchers", "target_matchers")]
    return all(
        found is not None and fits(found[1].partition('"')[0], name)
        for found, name in zip(names, (cause, symptom), strict=True)
    )


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


@pytest.mark.parametrize(
    ("cause", "symptom", "same"),
    [
        ("GatewayOutage", "OrdersStuck", {"provider"}),
        ("GatewayOutage", "HoldsLeaking", {"provider"}),
        ("GatewayOutage", "RefundStuck", {"provider"}),
        ("DbPoolExhausted", "DbPoolTimeouts", {"job"}),
    ],
)
def test_a_cause_explains_its_own_subject_only(cause, symptom, same):
    """An outage of one gateway leaves the other's stuck orders as loud as ever; both sides show the label they share."""
    found = [rule for rule in inhibitions() if silences(rule, cause, symptom)]

    assert [same] == [set(rule.get("equal", ())) for rule in found]
    for label in same:
        assert all(re.search(rf"\b{label}\b", alert.expr) for alert in ALERTS if alert.name in {cause, symptom})


def test_only_the_pool_of_the_store_explains_slow_checkouts():
    """Who checks out never waits for a worker's connections."""
    (rule,) = [rule for rule in inhibitions() if silences(rule, "DbPoolExhausted", "CheckoutLatencyBurn")]

    assert 'job="serve"' in rule["source_matchers"]


def test_an_outage_explains_short_waits_of_calls_to_gateways_only():
    """What came in waits for us alone, and whatever waits for ten minutes is told; queues do not name a gateway."""
    (rule,) = [rule for rule in inhibitions() if silences(rule, "GatewayOutage", "QueueBacklog")]
    matchers = dict(re.fullmatch(r'(\w+)=~?"(.*)"', each).groups() for each in rule["target_matchers"])

    told = {
        kind: fits(matchers["queue"], kind) for kind in ("capture.take", "refund.send", "inbox", "mail.confirmation")
    }
    assert {"capture.take": True, "refund.send": True, "inbox": False, "mail.confirmation": False} == told
    assert "warning" == matchers["severity"]


def test_causes_and_symptoms_are_alerts():
    """An inhibition of a name that nobody fires any more would silence nothing, silently."""
    names = {alert.name for alert in ALERTS}

    for each in routing.CAUSES:
        assert each.alert in names
        assert not fits(each.explains, each.alert)
        for pattern in re.split(r"[|](?![^(]*[)])", each.explains):
            assert any(fits(pattern, name) for name in names), pattern


def test_what_must_never_be_is_never_silenced():
    """No cause explains money that does not add up."""
    never = {alert.name for alert in ALERTS if alert.kind == "never"}

    assert set() == {name for name in never for each in routing.CAUSES if fits(each.explains, name)}

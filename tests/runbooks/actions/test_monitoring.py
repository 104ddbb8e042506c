"""The reads against Prometheus and the silences of Alertmanager: both real, with nothing to tell; and recorded figures.

What a real Prometheus does not take is no query, so every read is put to one; what the figures mean is judged on recorded ones.
"""

import signal
import subprocess
import time
from contextlib import contextmanager

import httpx
import promql_parser
import pytest

from runbooks.actions.gateway import judge
from runbooks.actions.world import Places, open_world
from runbooks.engine.registry import RefusedError, Taken, UnreachableError
from service.local.binaries import Tool
from service.local.monitoring import configuration, watchers
from service.local.ports import free_ports
from service.local.tether import Lifeline
from tests.monitoring.binaries import needed
from tests.runbooks.actions.conftest import REASON, Player
from tests.runbooks.actions.wires import peer, vector

READY_S = 30
RULES = """
groups:
  - name: drill
    rules:
      - {alert: Watchdog, expr: vector(1), labels: {severity: critical}}
      - {alert: GatewayOutage, expr: vector(1), labels: {severity: critical, provider: stripe}}
"""
GLOBAL = "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
PROVIDER = {"provider": "stripe"}
ASKED = {  # the reads that need nothing but Prometheus, with their arguments
    "gateway.health": PROVIDER,
    "gateway.errors": PROVIDER,
    "webhooks.lag": PROVIDER,
    "webhooks.signature_failures": PROVIDER,
    "worker.alive": {},
    "errors.top": {},
    "db.slow": {},
    "limits.limited": {},
    "access.refused": {},
    "cards.declined": {},
    "prometheus.targets": {},
    "prometheus.rules": {},
    "alerts.firing": {"alert": "GatewayOutage"},
    "capacity.headroom": {},
    "invariants.broken": {},
}


@contextmanager
def watching(folder):
    """Both programs, alone; their addresses."""
    needed(Tool.PROMETHEUS)
    needed(Tool.ALERTMANAGER)
    built = configuration(folder)
    built.mkdir(parents=True)
    (built / "rules.yml").write_text(RULES)
    (built / "prometheus.yml").write_text(GLOBAL + "rule_files: [rules.yml]\n")
    (built / "alertmanager.yml").write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    ports = dict(zip(("prometheus", "alertmanager"), free_ports(2), strict=True))
    lifeline, running = Lifeline(), []
    try:
        for child in watchers(folder, ports, frozenset(ports)):
            argv = lifeline.tie(child.argv)
            running.append(subprocess.Popen(argv, env=child.environment, stderr=subprocess.DEVNULL))
        urls = {part: f"http://127.0.0.1:{port}" for part, port in ports.items()}
        for url in urls.values():
            assert _ready(url)
        yield urls
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait(20)
        lifeline.close()


def _ready(url):
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/-/ready", timeout=5).is_success:
                return True
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    return False


async def test_every_read_is_a_query_and_silence_has_an_end(tmp_path, registry):
    """On a Prometheus that knows nothing, nothing is known and nothing refused; a silence is made, prolonged and ended once."""
    with watching(tmp_path) as urls:
        places = Places(prometheus_url=urls["prometheus"], alertmanager_url=urls["alertmanager"], pace=60)
        async with open_world(places) as world:
            play = Player(world, registry)
            found = {name: await play.read(name, **args) for name, args in ASKED.items()}
            for name in ("invariants.holds", "traffic.rate"):
                with pytest.raises(UnreachableError):
                    await play.read(name)
            await _silence(play)

    health, targets = found["gateway.health"], found["prometheus.targets"]
    assert ("up", 0, None) == (health["state"], health["called"], health["failed_share"])
    assert (True, 0, "none") == (targets["answers"], targets["down"], targets["names"])
    assert (0, "none") == (found["errors.top"]["count"], found["errors.top"]["route"])
    assert not found["worker.alive"]["alive"]


async def _silence(play):
    args = {"alert": "GatewayOutage", "provider": "stripe"}
    plan = await play.plan("alert.silence", **args, lease_s="600")
    assert 0 == (await play.read("alertmanager.silences"))["silences"]
    assert {"alertname": "GatewayOutage", "provider": "stripe"} == plan.after["silenced"]

    made = await play.apply("alert.silence", "k1", **args, lease_s="600")
    again = await play.apply("alert.silence", "k1", **args, lease_s="600")
    assert made["changed"]
    assert {"silence": made["silence"], "changed": False} == again
    assert Taken.DONE == await play.observe("alert.silence", **args)
    await play.apply("alert.silence", "k2", **args, lease_s="1200")
    silences = await play.read("alertmanager.silences")
    assert (1, 1, "GatewayOutage") == (silences["silences"], silences["ours"], silences["names"])
    assert 1100 < silences["longest_s"] / play.world.pace <= 1200
    (silence,) = await play.world.alertmanager.silences()
    assert silence.comment.startswith(REASON)

    assert {"changed": True} == await play.undo("alert.silence", "k3", **args, lease_s="1200")
    assert Taken.NOT_DONE == await play.observe("alert.silence", **args)
    assert {"changed": False} == await play.undo("alert.silence", "k4", **args, lease_s="1200")
    for wrong in (
        {"alert": "Watchdog", "lease_s": "60"},
        {"alert": "DbDown"},
        {"lease_s": "60"},
        {"alert": "DbDown", "lease_s": "99999"},
    ):
        with pytest.raises(RefusedError):
            await play.plan("alert.silence", **wrong)


def recorded(*rows):
    """Answers by a piece of the query; the first that fits. Every query is one that Prometheus would take."""

    def answer(_method, _path, sent):
        assert promql_parser.parse(sent["query"])
        return next((vector(*series) for piece, series in rows if piece in sent["query"]), vector())

    return answer


async def test_what_was_measured_is_told_in_a_word(registry):
    """Calls that are not answered, an outage of so long, a worker that is late, a bank that says no: as facts."""
    calls = [({"outcome": "ok"}, 3), ({"outcome": "timeout"}, 9), ({"outcome": "not_sent"}, 50)]
    rows = [
        ("ALERTS_FOR_STATE", [({}, 3)]),
        ("http_client_request_duration_seconds_count", calls),
        ("http_client_request_duration_seconds_bucket", [({}, 4.9)]),
        ("cubano_worker_heartbeat", [({"loop": "inbox"}, 2), ({"loop": "mail"}, 90)]),
        ('up{job="work"}', [({}, 2)]),
        ("cubano_webhooks_total", [({"result": "accepted"}, 6), ({"result": "bad_signature"}, 18)]),
        ("5..", [({"http_route": "/api/x", "http_response_status_code": "500", "error_type": "KeyError"}, 8), ({}, 2)]),
    ]
    with peer(recorded(*rows)) as known:
        async with open_world(Places(prometheus_url=known.url, pace=60)) as world:
            play = Player(world, registry)
            health, errors = (
                await play.read("gateway.health", **PROVIDER),
                await play.read("gateway.errors", **PROVIDER),
            )
            worker, top = await play.read("worker.alive"), await play.read("errors.top")
            signatures = await play.read("webhooks.signature_failures", **PROVIDER)

    assert ("down", 12, 9, 0.75, 4.9, 180) == tuple(
        health[each] for each in ("state", "called", "failed", "failed_share", "p95_s", "age_s")
    )
    assert ("timeout", 12, 0.75, 9) == tuple(errors[each] for each in ("top", "called", "share", "timeout"))
    assert (True, "mail", 90) == (worker["alive"], worker["slowest"], worker["age_s"])
    assert ("/api/x", 8, 10, 0.8) == (top["route"], top["count"], top["of_all"], top["share"])
    assert (18, 6, 0.75, "bad_signature") == tuple(signatures[each] for each in ("failed", "verified", "share", "why"))


STATES = [
    ({}, "up"),
    ({"breaker": "closed", "called": 100, "failed": 5, "p95_s": 0.4}, "up"),
    ({"called": 9, "failed": 9}, "up"),  # too few to tell
    ({"called": 10, "failed": 6}, "down"),
    ({"breaker": "open"}, "down"),
    ({"breaker": "open", "by_hand": True}, "up"),  # nobody said that it is unwell
    ({"breaker": "half_open", "called": 4, "failed": 0}, "recovering"),
    ({"breaker": "open", "called": 12, "failed": 12, "auth": 12}, "auth"),
    ({"called": 40, "failed": 30, "auth": 3}, "down"),  # a refused key among many time-outs is not the cause
    ({"called": 100, "failed": 0, "limited": 7}, "limited"),
    ({"called": 3, "failed": 0, "p95_s": 5.0, "timed": 20}, "slow"),
    ({"called": 3, "failed": 0, "p95_s": 5.0, "timed": 19}, "up"),
]


@pytest.mark.parametrize(("seen", "state"), STATES)
def test_how_a_gateway_does_is_one_word(seen, state):
    """The gravest that holds; few calls tell nothing, and an operator's word is no illness."""
    assert state == judge(seen)


async def test_monitoring_that_is_down_is_an_answer_of_its_own_reads_alone(registry):
    """Prometheus and Alertmanager tell of themselves; whoever needs their figures knows nothing."""
    async with open_world(Places(prometheus_url="http://127.0.0.1:9", alertmanager_url="http://127.0.0.1:9")) as world:
        play = Player(world, registry)
        for name in ("prometheus.targets", "alertmanager.silences"):
            assert not (await play.read(name))["answers"]
        for name in ("worker.alive", "alerts.firing"):
            with pytest.raises(UnreachableError):
                await play.read(name)
        with pytest.raises(UnreachableError):
            await play.apply("alert.silence", "k", alert="DbDown", lease_s="60")


def test_every_entry_keeps_its_contract(registry):
    """A leased or undoable act can be undone; a promise is a sentence; what it takes is named once; a fact has a meaning."""
    for each in registry.actions.values():
        assert (each.undo is None) == (each.reversal == "harmless"), each.name
        assert each.promise.endswith("."), each.name
    for each in registry.reads.values():
        assert each.promise.endswith("."), each.name
        assert all(each.gives.values()), each.name
    wanted = {
        "gateway.health",
        "inbox.dead",
        "orders.impact",
        "checkout.probe",
        "db.blockers",
        "backup.age",
        "changes.recent",
    }
    assert wanted <= set(registry.reads)
    assert {"route.put", "inbox.replay", "db.terminate", "backup.restore_test", "alert.silence"} <= set(
        registry.actions
    )

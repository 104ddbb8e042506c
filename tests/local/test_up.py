"""`cubano up`: everything comes up, two systems live side by side, and whatever ends one leaves nothing behind."""

import os
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import httpx
import psycopg
import pytest

from service.access.rules import Role
from service.local.binaries import Tool
from service.local.cluster import forget
from service.local.shared import of_this_machine
from tests.local.programs import alive, eventually, processes_naming
from tests.local.running import CUBANO, KEPT, Running
from tests.monitoring.binaries import needed

pytestmark = pytest.mark.xdist_group("local system")  # one system for the whole file

KEYS = {
    "api", "emulator", "responder", "prometheus", "alertmanager", "mail", "metrics", "database_url", "api_keys",
    "staff", "webhook_secrets", "pids", "operators",
}  # fmt: skip

WATCHERS = ("prometheus", "alertmanager")  # null on a machine that has them not
PRODUCT_ONLY = ("--without", "emulate,mail,responder,prometheus,alertmanager")
NO_GATEWAY = {"CUBANO_STRIPE_BASE_URL": "http://127.0.0.1:9"}  # the discard port


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("up") / "state")
    yield running
    running.stop()
    forget(running.state / "postgres")


def _usage(*words: str, **environment: str) -> subprocess.CompletedProcess:
    clean = {name: os.environ[name] for name in KEPT if name in os.environ}
    argv = [str(CUBANO), "up", *words]
    return subprocess.run(argv, env=clean | environment, capture_output=True, text=True, timeout=60, check=False)


def test_json_says_where_everything_is(system):
    """One line of JSON with the promised keys; what does not run yet is null."""
    found = system.found

    assert set(found) == KEYS
    assert {"postgres", "serve", "work", "emulate", "mail", "respond", "up"} == set(found["pids"]) - set(WATCHERS)
    assert {"serve", "work", "emulate", "respond"} == set(found["metrics"])
    assert [] == [part for part in WATCHERS if (found[part] is None) is (part in found["pids"])]


def test_everything_answers(system):
    """Each part is healthy at the address it is said to have, and the sample festival is on sale."""
    pages = [system.get(part, "/health/ready") for part in ("api", "emulator", "mail", "responder")]
    metrics = [httpx.get(url, timeout=5) for url in system.found["metrics"].values()]
    with psycopg.connect(system.found["database_url"]) as connection:
        (on_sale,) = connection.execute("SELECT count(*) FROM ticket_types").fetchone() or (0,)

    assert [200] * 8 == [answer.status_code for answer in (*pages, *metrics)]
    assert on_sale > 0
    assert system.get("api", "/api/payment/catalog").json()["ticketTypes"]


def test_our_rules_watch_every_part(system):
    """Prometheus has the project's rules, reads every process, keeps exemplars, and hands alerts to Alertmanager."""
    needed(Tool.PROMETHEUS), needed(Tool.ALERTMANAGER)  # skipped and named where they are not
    asked = partial(_prometheus, system)
    jobs = {"serve", "work", "emulate", "respond", *WATCHERS}

    assert eventually(lambda: jobs == {each["labels"]["job"] for each in asked("targets")["activeTargets"]})
    assert eventually(lambda: {"up"} == {each["health"] for each in asked("targets")["activeTargets"]}, within_s=40)
    assert 40 <= len(
        [rule for group in asked("rules")["groups"] for rule in group["rules"] if rule["type"] == "alerting"]
    )
    assert "exemplar-storage" == asked("status/flags")["enable-feature"]
    assert [system.found["alertmanager"]] == [
        each["url"].removesuffix("/api/v2/alerts") for each in asked("alertmanagers")["activeAlertmanagers"]
    ]


def test_an_alert_becomes_a_mail(system):
    """What Alertmanager is told lands in the mail sink, and nothing leaves this machine."""
    needed(Tool.ALERTMANAGER)
    labels = {"alertname": "TestOfTheWay", "severity": "critical", "owner": "platform", "kind": "cause"}
    alert = {"labels": labels, "annotations": {"summary": "Only a test", "playbook": "none"}}

    httpx.post(f"{system.found['alertmanager']}/api/v2/alerts", json=[alert], timeout=5).raise_for_status()

    assert eventually(lambda: "TestOfTheWay" in system.get("mail", "/api/messages").text, within_s=60)


def test_each_role_has_a_key(system):
    """Known to the service, in the state's own record, and the same at every start; one more is the responder's."""
    keys = system.found["api_keys"]
    unknown = f"{system.found['api']}/api/payment/order/ord_01aryz6s410000000000000000"
    answers = [httpx.get(unknown, headers={"Authorization": f"Bearer {key}"}, timeout=5) for key in keys.values()]
    query = "SELECT role, environment FROM api_keys JOIN api_clients ON api_clients.id = client_id"
    with psycopg.connect(system.found["database_url"]) as connection:
        known = connection.execute(query).fetchall()

    assert {*(role.value for role in Role), "responder"} == set(keys)
    assert sorted([*((role.value, "dev") for role in Role), ("on_call", "dev")]) == sorted(known)
    assert {404} == {answer.status_code for answer in answers}


def test_the_responder_has_what_it_needs_to_start(system):
    """A key that may look and act, and a role that sees no customer, in the settings a second terminal takes."""
    shared = of_this_machine(system.state)
    headers = {"Authorization": f"Bearer {shared['CUBANO_RESPOND_API_KEY']}"}
    url = f"{system.found['api']}/api/ops"

    looks = httpx.get(f"{url}/changes", headers=headers, timeout=5)
    acts = httpx.post(f"{url}/outbox/retry", json={"reason": "a test", "dryRun": True}, headers=headers, timeout=5)
    audit = httpx.get(f"{url}/audit", headers=headers, timeout=5)
    with psycopg.connect(shared["CUBANO_RESPOND_DATABASE_URL"], autocommit=True) as connection:
        counted = connection.execute("SELECT count(id) FROM orders").fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT email FROM orders")

    assert (200, 200, 403) == (looks.status_code, acts.status_code, audit.status_code)
    assert counted is not None


def test_secrets_are_on_no_command_line(system):
    """What `ps` shows to everybody names neither the database password nor a gateway secret."""
    of_providers = system.found["webhook_secrets"]
    secrets = [
        *of_providers.values(),
        *system.found["api_keys"].values(),
        system.found["database_url"].split(":")[2].split("@")[0],
    ]

    assert {"stripe", "paypal"} == set(of_providers)
    assert [] == [pid for secret in secrets for pid in processes_naming(secret)]


def test_two_systems_side_by_side(system, tmp_path):
    """A second system in another directory shares nothing; SIGTERM ends it whole, and its next start is quick."""
    other = Running(tmp_path / "state", *PRODUCT_ONLY, **NO_GATEWAY)
    with psycopg.connect(other.found["database_url"], autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (number integer)")
    assert 200 == other.get("api", "/health/ready").status_code
    assert set() == {system.found["api"], system.found["database_url"]} & {
        other.found["api"],
        other.found["database_url"],
    }
    assert system.found["webhook_secrets"] != other.found["webhook_secrets"]

    assert 0 == other.stop()  # within 10 s, or communicate() gives up
    assert [] == _left_of(other)

    began = time.monotonic()
    again = Running(tmp_path / "state", *PRODUCT_ONLY, **NO_GATEWAY)
    took = time.monotonic() - began
    with psycopg.connect(again.found["database_url"]) as connection:
        connection.execute("SELECT * FROM kept")
    assert 0 == again.stop()
    assert other.found["api"] == again.found["api"]
    assert other.found["api_keys"] == again.found["api_keys"]
    assert took < 20  # 3 s on an idle machine; tests share theirs
    forget(tmp_path / "state" / "postgres")


def test_second_system_in_one_directory_is_refused(system):
    """A directory in use is refused in one line, and the system that runs there does not notice."""
    refused = _usage("--state", str(system.state), "--ports", "auto")

    assert 1 == refused.returncode
    assert f"(process {system.process.pid}) is running in {system.state}" in refused.stderr
    assert 200 == system.get("api", "/health/ready").status_code


@pytest.mark.parametrize("part", ["serve", "work", "emulate", "mail", "postgres"])
def test_killed_part_comes_back(system, part):
    """kill -9 of any child is reported, and the same address works again soon after."""
    said = f"{part} was killed by SIGKILL; starting it again"
    os.kill(_pid(system, part), signal.SIGKILL)

    assert system.logged(said)
    assert eventually(lambda: _all_ready(system), within_s=30)


def test_kill_9_of_cubano_up_leaves_nothing(tmp_path):
    """When `cubano up` itself is killed all its children go, the database too, and the directory is free again."""
    killed = Running(
        tmp_path / "state", "--without", "emulate,serve,work,responder,prometheus,alertmanager", **NO_GATEWAY
    )

    killed.process.kill()
    killed.process.communicate()

    assert eventually(lambda: not [pid for pid in killed.found["pids"].values() if alive(pid)])
    again = Running(
        tmp_path / "state", "--without", "emulate,serve,work,responder,prometheus,alertmanager", **NO_GATEWAY
    )
    assert 0 == again.stop()
    assert [] == _left_of(again)
    forget(tmp_path / "state" / "postgres")


def test_own_database_server_is_used(system, tmp_path):
    """With CUBANO_DATABASE_URL nothing embedded is started: the given server is migrated, seeded and used."""
    given = system.found["database_url"]
    own = Running(
        tmp_path / "state",
        "--without",
        "serve,work,emulate,mail,responder,prometheus,alertmanager",
        CUBANO_DATABASE_URL=given,
    )

    assert given == own.found["database_url"]
    assert "postgres" not in own.found["pids"]
    assert 0 == own.stop()


def test_failed_start_says_what_and_ends_all(tmp_path):
    """A part that cannot come up stops the start: its last lines, exit code 1, nothing left."""
    failed = _usage("--state", str(tmp_path / "state"), "--ports", "auto", *PRODUCT_ONLY, CUBANO_HOLD_SECONDS="many")

    assert 1 == failed.returncode
    assert "cubano up: db ended with exit code" in failed.stderr
    assert "CUBANO_HOLD_SECONDS" in failed.stderr
    assert [] == processes_naming(str(tmp_path))
    forget(tmp_path / "state" / "postgres")


def test_unknown_part_is_a_usage_error():
    """--without names what it knows; a mistake there is exit code 2."""
    wrong = _usage("--without", "postgress")

    assert 2 == wrong.returncode
    assert "postgress is not one of emulate, mail, serve, work" in wrong.stderr


def _prometheus(system: Running, question: str) -> dict:
    answer = httpx.get(f"{system.found['prometheus']}/api/v1/{question}", timeout=5)
    return answer.raise_for_status().json()["data"]


def _left_of(ended: Running) -> list[object]:
    """Processes, locks and sockets of a system that has ended."""
    files = [path for name in ("postmaster.pid", "lock") for path in ended.state.rglob(name)]
    named = processes_naming(str(ended.state))
    return [*files, *named, *(pid for pid in ended.found["pids"].values() if alive(pid))]


def _pid(system: Running, part: str) -> int:
    """The child's process now; the one in the JSON may have been replaced."""
    children = processes_naming("")
    ours = [pid for pid in children if _parent(pid) == system.process.pid]
    words = {"postgres": "bin/postgres", "mail": "service.local.mail"}.get(part, f"service.cli\0{part}")
    return next(pid for pid in ours if pid in processes_naming(words))


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):  # it ended since it was listed
        return 0


def _all_ready(system: Running) -> bool:
    try:
        return all(system.get(part, "/health/ready").is_success for part in ("api", "emulator", "mail")) and all(
            httpx.get(url, timeout=5).is_success for url in system.found["metrics"].values()
        )
    except httpx.TransportError:
        return False

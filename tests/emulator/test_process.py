"""The process: its command, its health, its metrics, its end, and its state over any end."""

import asyncio
import signal
import subprocess
import sys
from contextlib import nullcontext
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from litestar.connection import ASGIConnection
from litestar.exceptions import PermissionDeniedException

from service.emulator.cli import _url, emulate
from service.emulator.control import only_loopback
from service.emulator.journal import Journal
from service.emulator.store import Store
from tests.emulator.gateway import API_KEY, NO_TLS, CheckedHTTP, Gateway, Process, eventually, session_of
from tests.emulator.receiver import SECRET

QUICK = ("--api-key", API_KEY, "--settle-ms", "300", "--webhook-retry-ms", "100")


class Running:
    """A process with a gateway to talk to it; started again by entering anew."""

    def __init__(self, shapes, *options):
        self.options = options
        self.shapes = shapes

    async def __aenter__(self):
        self.process = await asyncio.to_thread(Process, *QUICK, *self.options)
        self.http = httpx.AsyncClient(base_url=self.process.url, timeout=10, verify=NO_TLS)
        self.wire = CheckedHTTP(self.shapes, timeout=10, verify_ssl_certs=False)
        return Gateway(self.process.url, self.wire, self.http, self.shapes)

    async def __aexit__(self, *_):
        if self.process.process.poll() is None:
            await asyncio.to_thread(self.process.stop)
        await self.http.aclose()
        await self.wire.close_async()


def test_help_tells_each_option():
    """One line each, with its default."""
    said = CliRunner().invoke(emulate, ["--help"])

    assert 0 == said.exit_code
    for option in ("--port", "--metrics-port", "--state", "--api-key", "--webhook-url", "--webhook-secret"):
        assert option in said.output


def test_a_url_without_its_secret_is_a_usage_error():
    """Exit code 2, before anything listens."""
    said = CliRunner().invoke(emulate, ["--webhook-url", "http://127.0.0.1:9/"])

    assert 2 == said.exit_code


ADDRESSES = [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]")]  # noqa: S104 - nothing is bound


@pytest.mark.parametrize(("host", "base"), ADDRESSES)
def test_the_page_has_an_address_a_browser_can_open(host, base):
    """Where it listens; listening everywhere, by loopback."""
    assert f"http://{base}:8100" == _url(host, 8100)


@pytest.mark.parametrize(("client", "let_in"), [("127.0.0.1", True), ("::1", True), ("10.0.0.9", False), (None, False)])
def test_control_answers_to_loopback_only(client, let_in):
    """It asks for no key, so it asks where one comes from."""
    connection: Any = ASGIConnection({"type": "http", "client": None if client is None else (client, 4711)})

    with nullcontext() if let_in else pytest.raises(PermissionDeniedException) as refused:
        only_loopback(connection, None)

    assert let_in is (refused is None)


async def test_options_may_come_from_the_environment(monkeypatch):
    """Secrets better do: a command line can be read by everybody on the machine."""
    monkeypatch.setenv("CUBANO_EMULATOR_API_KEY", "sk_test_from_environment")
    monkeypatch.setenv("CUBANO_EMULATOR_WEBHOOK_URL", "http://127.0.0.1:9/hook")
    monkeypatch.setenv("CUBANO_EMULATOR_WEBHOOK_SECRET", "whsec_from_environment")
    process = await asyncio.to_thread(Process)
    try:
        async with httpx.AsyncClient(base_url=process.url) as http:
            known, unknown = [
                await http.get("/v1/charges", auth=(key, "")) for key in ("sk_test_from_environment", "sk_test_other")
            ]
            [endpoint] = (await http.get("/_emulator/endpoints")).json()["endpoints"]
    finally:
        await asyncio.to_thread(process.stop)

    assert (200, 401) == (known.status_code, unknown.status_code)
    assert ("http://127.0.0.1:9/hook", "whsec_from_environment") == (endpoint["url"], endpoint["secret"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly(number):
    """Exit code 0 on both signals, and nothing on stderr."""
    command = [sys.executable, "-m", "service.emulator.cli", "--port", "0", "--metrics-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)

    assert (0, "") == (process.returncode, errors)


async def test_health_and_metrics(process, gateway, receiver):
    """Live and ready on the main port; requests, deliveries and objects on the other."""
    await gateway.paid()
    await receiver.until(5)

    live, ready = [await gateway.http.get(f"/health/{name}") for name in ("live", "ready")]
    told = (await gateway.http.get(process.metrics)).text

    assert (200, 200, True) == (live.status_code, ready.status_code, ready.json()["ready"])
    assert 'cubano_emulator_requests_total{method="POST",route="/v1/checkout/sessions",status="200"}' in told
    assert 'cubano_emulator_webhook_deliveries_total{outcome="delivered"}' in told
    assert 'cubano_emulator_objects{kind="charge"} 1.0' in told


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_state_survives(tmp_path, shapes, end):
    """Asked to end or killed: what was answered is there, keys replay, the clock stands where it stood."""
    running = Running(shapes, "--state", str(tmp_path / "state.jsonl"))
    async with running as gateway:
        paid = await gateway.paid(customer_email="ana@example.org")
        await gateway.advance(3600)
        first = await gateway.api.checkout.sessions.create_async(session_of(), {"idempotency_key": "k"})
        refund = await gateway.api.refunds.create_async({"charge": paid["charge"], "amount": 1_500})
        before = await gateway.truth()
        await asyncio.to_thread(getattr(running.process, end))

    async with running as gateway:
        again = await gateway.api.checkout.sessions.create_async(session_of(), {"idempotency_key": "k"})
        found = await gateway.api.refunds.retrieve_async(refund.id)
        after = await gateway.truth()
        clock = (await gateway.http.get("/_emulator/clock")).json()

    assert first.id == again.id
    assert 1_500 == found.amount
    assert before == after
    assert 3600 == clock["offset_s"]


async def test_what_is_owed_survives_a_kill(tmp_path, shapes, receiver):
    """A bank's late answer, a session's end and undelivered webhooks come in the next life, at a new address too."""
    state = ("--state", str(tmp_path / "state.jsonl"))
    nobody = ("--webhook-url", "http://127.0.0.1:1/nobody", "--webhook-secret", SECRET)
    dying = Running(shapes, *state, *nobody)
    async with dying as gateway:
        session, abandoned = await gateway.open(), await gateway.open()
        await gateway.pay(session, None, **{"async": "succeed"})
        await asyncio.to_thread(dying.process.kill)

    async with Running(shapes, *state, "--webhook-url", receiver.url, "--webhook-secret", SECRET) as gateway:
        settled = await receiver.until_type("checkout.session.async_payment_succeeded")
        await gateway.advance(86_401)
        ended = await receiver.until_type("checkout.session.expired")
        await receiver.until(9)

        async def all_delivered():
            return {"delivered"} == {row["state"] for row in await gateway.deliveries()}

        await eventually(all_delivered)

    assert session.id == settled["data"]["object"]["id"]
    assert abandoned.id == ended["data"]["object"]["id"]
    assert {"checkout.session.completed", "payment_intent.created"} <= set(receiver.types)
    assert all(one.verified for one in receiver.got)


async def test_two_processes_cannot_share_a_state(tmp_path, shapes):
    """The second says so and ends."""
    state = str(tmp_path / "state.jsonl")
    async with Running(shapes, "--state", state):
        second = await asyncio.to_thread(
            CliRunner().invoke, emulate, ["--port", "0", "--metrics-port", "0", "--state", state]
        )

    assert 1 == second.exit_code
    assert "in use by another process" in second.output


async def test_any_test_key_does_when_none_is_named():
    """But never a live one."""
    process = await asyncio.to_thread(Process)
    try:
        async with httpx.AsyncClient(base_url=process.url) as http:
            statuses = [
                (await http.get("/v1/charges", headers={"authorization": f"Bearer {key}"})).status_code
                for key in ("sk_test_anything", "rk_test_anything", "sk_live_anything")
            ]
    finally:
        await asyncio.to_thread(process.stop)

    assert [200, 200, 401] == statuses


def test_a_torn_last_line_is_dropped(tmp_path):
    """A crash in the middle of a write costs that write alone."""
    path = tmp_path / "state.jsonl"
    store = Store(Journal(path))
    store.put("secret", {"id": "pi_1", "later": "none"})
    store.put("secret", {"id": "pi_2", "later": "none"})
    store.close()
    path.write_bytes(path.read_bytes()[:-10])

    again = Store(Journal(path))

    found = [again.get("secret", "pi_1"), again.get("secret", "pi_2")]
    again.close()
    assert [{"id": "pi_1", "later": "none"}, None] == found

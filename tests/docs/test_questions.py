"""What troubleshooting asks of logs and database can be asked: filters over lines of a real process, SQL at a real schema."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest

from service.local.ports import free_ports
from tests.docs.queries import asked
from tests.local.programs import eventually
from tests.postgres.names import child_environment
from tests.shape.tree import ROOT

START_S = 30
BAD = {"Stripe-Signature": "t=1,v1=00"}
NOBODY = "ord_00000000000000000000000000"


@dataclass(frozen=True)
class Lines:
    """What `serve` wrote about three requests, and the trace of the last."""

    path: Path
    trace: str

    def ask(self, question: str) -> str:
        words = ["jq", "-nr", "--arg", "order", NOBODY, "--arg", "trace", self.trace, question, str(self.path)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
        assert (question, "", 0) == (question, done.stderr, done.returncode)
        return done.stdout


@pytest.fixture
def lines(database_url: str, tmp_path: Path) -> Iterator[Lines]:
    if shutil.which("jq") is None:
        pytest.skip("jq is not on this machine")
    port, metrics, nobody = free_ports(3)
    settings = {
        "CUBANO_LOG_FORMAT": "json",
        "CUBANO_SERVE_METRICS_PORT": str(metrics),
        "CUBANO_STRIPE_BASE_URL": f"http://127.0.0.1:{nobody}",
    }
    words = [sys.executable, "-m", "service.cli", "serve", "--port", str(port)]
    path, url = tmp_path / "lines.json", f"http://127.0.0.1:{port}"
    with path.open("w") as log:
        serve = subprocess.Popen(words, cwd=ROOT, env=child_environment(database_url, **settings), stderr=log)
    try:
        assert eventually(lambda: _answers(f"{url}/health/ready"), within_s=START_S), path.read_text()
        httpx.post(f"{url}/api/payment/webhook/stripe", content=b"{}", headers=BAD)
        httpx.get(f"{url}/api/payment/order/{NOBODY}")
        failed = _check_out(url)
        assert failed.status_code >= 500, failed.text
        yield Lines(path, failed.headers["traceresponse"].split("-")[1])
    finally:
        serve.send_signal(signal.SIGTERM)
        serve.wait(START_S)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def _check_out(url: str) -> httpx.Response:
    wish = {
        "items": [{"ticketType": "full-pass", "quantity": 1}],
        "customer": {"email": "ana@example.org", "name": "Ana"},
        "locale": "en",
    }
    key = {"Idempotency-Key": f"questions-{os.getpid()}"}
    return httpx.post(f"{url}/api/payment/checkout-session", json=wish, headers=key, timeout=START_S)


def test_filters_find_what_they_are_for(lines):
    """Each runs; those about requests, refused webhooks and one trace find theirs."""
    told = {question: lines.ask(question) for _, question in asked("jq")}

    assert 8 <= len(told)
    found = "".join(told.values())
    assert "1\tstripe\tbad_signature" in found
    assert "/api/payment/checkout-session" in found
    assert [] == [question for question, answer in told.items() if "$trace" in question and not answer]


def test_sql_fits_the_schema(database_url):
    """Tables and columns are there; each names its order."""
    with psycopg.connect(database_url) as connection:
        for _, line in asked("sql"):
            assert ":order" in line
            connection.execute(line.rstrip(";").replace(":order", "%(order)s"), {"order": NOBODY})

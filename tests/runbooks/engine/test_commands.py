"""`cubano runbook …` on runs: alone on a state directory, and through the responder that has it."""

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from runbooks.cli import runbook
from runbooks.engine.journal import Journal
from runbooks.responder.operators import Operators, Role

BOOK = """---
runbook: LampOut
subject: "lamp:{lamp}"
domain: service
needs: {lamp: ""}
---
# LampOut

## Meaning

It is dark.

## Impact

People stumble.

## Diagnosis

```human look
do: Look at {lamp}.
answers: [it burns, it does not]
```

## Mitigation

```choose which
first:
  - when: {look.answer: it burns}
    stop: It burns.
otherwise: {go: bulb}
```

```human bulb
do: Change the bulb.
```

## Verify

Look again.

## Customers

Nobody.

## Escalate

The electrician.

## Afterwards

Buy bulbs.
"""


@dataclass
class Terminal:
    """Calls a command as a person does, and answers all it said."""

    state: Path
    books: Path
    environment: dict[str, str]

    def __call__(self, *words, code=0, **environment):
        books_too = ["--folder", str(self.books)] if words[0] not in {"journal", "break-glass"} else []
        done = CliRunner().invoke(runbook, [*words, *books_too], env=self.environment | environment)
        assert code == done.exit_code, done.output
        return done.output


@pytest.fixture
def terminal(folder):
    books = folder / "books"
    books.mkdir()
    (books / "LampOut.md").write_text(BOOK)
    ports = {"CUBANO_RESPOND_PORT": str(_free_port()), "CUBANO_RESPOND_METRICS_PORT": "0"}
    return Terminal(folder / "state", books, {"CUBANO_RESPOND_STATE": str(folder / "state")} | ports)


def _free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def only_run(terminal, **environment):
    return json.loads(terminal("runs", "--json", **environment))[0]


def test_a_run_by_hand_waits_for_its_person_and_goes_on(terminal):
    """Begun, answered in another call, ended: each command goes on where the last one left."""
    said = terminal("run", "LampOut", "--label", "lamp=red")
    run = only_run(terminal)
    assert "waits for what you find out" in said
    assert f"cubano runbook answer {run['id']} look ANSWER" in said

    assert "bulb" in terminal("answer", run["id"], "look", "it does not")
    terminal("answer", run["id"], "bulb", "changed")

    assert "observed" == only_run(terminal)["state"]
    assert "every one follows" in terminal("journal", "verify")
    assert "run: opened" in terminal("journal", "tail", "--run", run["id"])


def test_what_is_refused_is_said_and_is_an_exit_code(terminal):
    """An unknown playbook, a missing label, an answer that is none, an approval of what asks for none."""
    terminal("run", "LampOut", "--label", "lamp=red")
    run = only_run(terminal)["id"]

    assert "there is no playbook Lamp" in terminal("plan", "Lamp", code=1)
    assert "LampOut needs lamp" in terminal("run", "LampOut", code=1)
    assert "NAME=VALUE" in terminal("run", "LampOut", "--label", "lamp", code=2)
    assert "it burns, it does not" in terminal("answer", run, "look", "perhaps", code=1)
    assert "cannot be approved" in terminal("approve", run, code=1)
    assert "there is no run" in terminal("abort", "nothing", code=1)


def test_a_run_can_be_ended_and_the_engine_paused(terminal):
    """What was said stands in the list; the switch is a file that outlives the command."""
    terminal("run", "LampOut", "--label", "lamp=red")
    run = only_run(terminal)["id"]

    assert "aborted" in terminal("abort", run, "--reason", "wrong lamp")
    assert "the sale begins" in terminal("pause", "--reason", "the sale begins")
    assert (terminal.state / "passive").exists()
    assert "off" in terminal("resume", "--reason", "over")
    assert not (terminal.state / "passive").exists()


def test_a_journal_that_was_edited_is_noticed(terminal):
    """`journal verify` names the line, with exit code 1."""
    terminal("run", "LampOut", "--label", "lamp=red")
    path = terminal.state / "journal.jsonl"
    path.write_text(path.read_text().replace("lamp:red", "lamp:blue", 1))

    assert "was edited" in terminal("journal", "verify", code=1)


def test_a_token_to_break_the_glass_is_shown_once(terminal):
    """What is kept of it is its hash, and a line that it was made; where people are listed a lead has it made."""
    token = terminal("break-glass").split()[0]
    Operators(terminal.state).add("ana", Role.ONCALL, datetime.now(UTC))

    assert token not in (terminal.state / "break-glass.json").read_text()
    assert "breakglass: made" in terminal("journal", "tail")
    assert "by a lead" in terminal("break-glass", code=1)


def test_where_people_are_listed_an_order_takes_a_token(terminal):
    """Who has none may look; who has one is known by name."""
    token = Operators(terminal.state).add("ana", Role.ONCALL, datetime.now(UTC))
    terminal("run", "LampOut", "--label", "lamp=red", CUBANO_RESPOND_OPERATOR_TOKEN=token)
    run = only_run(terminal)["id"]

    assert "needs one of the roles" in terminal("abort", run, code=1)
    assert "ana ended it" in terminal("abort", run, CUBANO_RESPOND_OPERATOR_TOKEN=token)


def test_a_person_is_the_account_and_not_what_the_shell_says(terminal):
    """Two names in one shell would be two people."""
    terminal("run", "LampOut", "--label", "lamp=red")

    said = terminal("abort", only_run(terminal)["id"], LOGNAME="second-person", USER="second-person")

    assert "ended it" in said
    assert "second-person" not in said


def test_no_engine_begins_where_nobody_said_that_there_is_one(terminal, tmp_path, monkeypatch):
    """In another folder it would have no memory: neither the kill switch nor a limit of the real one."""
    monkeypatch.chdir(tmp_path)
    del terminal.environment["CUBANO_RESPOND_STATE"]

    assert "CUBANO_RESPOND_STATE" in terminal("runs", code=1)
    assert [] == list(tmp_path.glob("**/journal.jsonl"))


def test_somebody_else_has_the_journal(terminal):
    """Another command works on it and can be asked nothing: said, and nothing done."""
    journal = Journal.open(terminal.state)

    assert f"belongs to process {os.getpid()}" in terminal("runs", code=1)
    journal.close()


def test_the_responder_is_found_by_its_lock(terminal):
    """It has the state directory; its address stands in the lock, and the order goes there."""
    token = Operators(terminal.state).add("ana", Role.LEAD, datetime.now(UTC))
    code = "from runbooks.responder.cli import respond; respond()"
    responder = subprocess.Popen(
        [sys.executable, "-c", code], env=os.environ | terminal.environment, stderr=subprocess.DEVNULL
    )
    try:
        with httpx.Client(trust_env=False) as client:
            _until_it_answers(
                client, f"http://127.0.0.1:{terminal.environment['CUBANO_RESPOND_PORT']}/health/live", responder
            )
        mine = {"CUBANO_RESPOND_OPERATOR_TOKEN": token}
        said = terminal("run", "SignInsFailing", "--json", **mine)
        run = only_run(terminal, **mine)
        assert run["id"] == json.loads(said)["id"]
        assert "Send a token of your own" in terminal("runs", code=1)
        assert "quiet" in terminal("pause", "--reason", "quiet", **mine)
        assert "cubano_bg_" in terminal("break-glass", **mine)
        assert "breakglass: made" in terminal("journal", "tail")
        assert run["id"] in terminal("journal", "tail", **mine)
    finally:
        responder.send_signal(signal.SIGTERM)
        responder.wait(30)
    assert "every one follows" in terminal("journal", "verify")


def _until_it_answers(client, url, process):
    import time  # noqa: PLC0415

    for _ in range(600):
        assert process.poll() is None
        try:
            if client.get(url).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("it never answered")

"""What 06-monitoring.md tells about writing a playbook is true: its alert is one, its file has no fault, and it can be planned."""

import importlib.util
import re
from datetime import UTC, datetime

import pytest

from monitoring.alerts import ALERTS
from runbooks.actions.registry import create_registry
from runbooks.actions.world import Places, open_world
from runbooks.engine import shelves
from runbooks.engine.engine import Engine
from runbooks.engine.journal import Journal
from runbooks.engine.library import PLAYBOOKS, Library
from runbooks.engine.lint import lint
from service.access.rules import Role
from tests.access.giving import give
from tests.runbooks.actions.wires import peer, vector
from tests.shape.tree import ROOT

CHAPTER = (ROOT / "docs" / "payment-system" / "06-monitoring.md").read_text()
TUTORIAL = CHAPTER.partition("\n## Writing a playbook\n")[2].partition("\n## ")[0] + CHAPTER.partition("~~~markdown")[2]
NAME = "LettersReturned"
DEAD = """
    INSERT INTO outbox (kind, key, payload, state, attempts, due_at, created_at)
    VALUES ('mail.confirmation', :key, '{}', 'dead', 100, now(), now())
"""


@pytest.fixture
def file() -> str:
    """The one file, as it stands in the chapter."""
    (found,) = re.findall(r"^~~~markdown\n(.*?)^~~~$", CHAPTER, re.MULTILINE | re.DOTALL)
    return found


@pytest.fixture
def alerts(tmp_path):
    """The rows of the chapter's module."""
    (module,) = re.findall(r"^```python\n(from monitoring.alert import .*?)^```$", TUTORIAL, re.MULTILINE | re.DOTALL)
    (tmp_path / "letters.py").write_text(module)
    spec = importlib.util.spec_from_file_location("letters", tmp_path / "letters.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found.ALERTS


@pytest.fixture
def library(tmp_path, file) -> Library:
    """Ours, and the one of the chapter."""
    folder = tmp_path / "runbooks" / "playbooks"
    folder.mkdir(parents=True)
    for path in PLAYBOOKS.glob("*.md"):
        (folder / path.name).symlink_to(path)
    (folder / f"{NAME}.md").write_text(file)
    return Library.load(folder)


def test_the_one_file_is_all_it_takes(library, alerts):
    """With its alert and its drill beside it, the linter has nothing to say about it."""
    drills = {**(shelves.drills() or {}), "letters-returned": NAME}

    found = lint(library, create_registry(), alerts=[*ALERTS, *alerts], drills=drills, dashboards=shelves.dashboards())

    assert [] == [fault for fault in found if NAME in fault.path]
    assert library.for_alert(NAME).is_executable


async def test_it_can_be_planned(stage, library, database_url, tmp_path):
    """Six dead mails are in the outbox: the plan says that they would be sent again, and nothing is sent yet."""
    for number in range(6):
        await stage.rows(DEAD, key=str(number))
    made = await give(stage.db, "responder", Role.ON_CALL)

    with peer(lambda *_: vector(({}, 3))) as prometheus:
        places = Places(
            api_url=str(stage.client.base_url),
            api_key=made.text,
            database_url=database_url,
            prometheus_url=prometheus.url,
        )
        async with open_world(places) as world:
            journal = Journal.open(tmp_path / "state")
            engine = Engine(library, create_registry(), world, journal, lambda: datetime.now(UTC))
            plan = await engine.plan(NAME, {})
            journal.close()

    assert ["outbox.retry"] == [act.do for act in plan.acts]
    assert "6 dead messages are due again" == plan.acts[0].summary
    assert ("", [], ()) == (plan.ends, [*plan.unknown], tuple(each for each in plan.found if each.outcome == "unmet"))
    assert [("dead", 6)] == await stage.rows("SELECT state, count(*) FROM outbox GROUP BY state")

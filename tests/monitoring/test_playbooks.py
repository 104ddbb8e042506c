"""Each alert has a playbook of its name, and each playbook an alert: what a tired person opens at three in the morning."""

import re

import pytest

from monitoring.alerts import ALERTS
from runbooks.engine.library import Library
from service.parts import INVARIANTS
from tests.docs.documents import FENCE, Document, playbooks
from tests.shape.tree import ROOT

HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Verify", "Customers", "Escalate", "Afterwards"]
MOST_WORDS = 400  # three screens of a telephone; queries and commands come on top
FRONT_MATTER = re.compile(r"\A---\n.*?^---\n", re.MULTILINE | re.DOTALL)
PAGES = playbooks()

every_playbook = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path.rpartition("/")[2])


def sections(page: Document) -> dict[str, str]:
    """What stands below each heading."""
    parts = re.split(r"^## (.+)$", page.text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))


def test_alerts_and_playbooks_are_the_same_names():
    """An alert without one leaves its reader alone; a playbook of neither alert nor schedule is about nothing."""
    scheduled = {each.name for each in Library.load().all if not each.alerts and each.schedule}
    pages = {page.path.rpartition("/")[2].removesuffix(".md") for page in PAGES}

    assert {alert.name for alert in ALERTS} == pages - scheduled
    assert [] == [alert.name for alert in ALERTS if not (ROOT / alert.playbook).is_file()]


@every_playbook
def test_a_playbook_has_its_parts_in_their_order(page):
    """Always the same eight, none of them empty, and short enough to be read on a telephone."""
    name = page.path.rpartition("/")[2].removesuffix(".md")

    body = FRONT_MATTER.sub("", page.text)

    assert body.startswith(f"# {name}\n")
    assert HEADINGS == re.findall(r"^## (.+)$", body, re.MULTILINE)
    assert [] == [heading for heading, text in sections(page).items() if not text]
    assert len(FENCE.sub("", body).split()) <= MOST_WORDS


@every_playbook
def test_it_says_who_owns_it_as_the_alert_does(page):
    """The owner of the alert is named where it is escalated to."""
    name = page.path.rpartition("/")[2].removesuffix(".md")
    owners = {alert.owner for alert in ALERTS if alert.name == name}

    assert [] == [owner for owner in owners if owner not in sections(page)["Escalate"]]


@every_playbook
def test_it_sends_to_dashboards_that_exist(page):
    """`/d/…` is the address of one that is built."""
    named = set(re.findall(r"(?<!\w)/d/([a-z]+)", page.text))

    assert set() == {uid for uid in named if not (ROOT / "grafana" / "dashboards" / f"{uid}.json").is_file()}


def test_playbooks_do_not_repeat_each_other():
    """A paragraph that stands in three of them says nothing about any."""
    seen: dict[str, set[str]] = {}
    for page in PAGES:
        matter = FRONT_MATTER.match(page.text)
        written = set(matter[0].splitlines()) if matter else set()
        for line in page.prose.splitlines():
            if len(line) > 80 and line not in written:
                seen.setdefault(line, set()).add(page.path)

    assert {} == {line: paths for line, paths in seen.items() if len(paths) > 2}


def test_broken_promises_have_a_playbook():
    """What `cubano invariants --json` names can be opened."""
    assert set() == {each.playbook for each in INVARIANTS} - {alert.name for alert in ALERTS}

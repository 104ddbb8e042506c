"""Every alert has a playbook, every playbook that changes something has a drill, and what is proved is counted."""

from dataclasses import replace

import pytest

from runbooks.drills.coverage import cover, covered, share
from runbooks.drills.drill import Drill
from runbooks.drills.report import Report
from runbooks.engine.library import Library
from runbooks.engine.reading import read_playbook
from tests.runbooks.format.pages import WHOLE

PAGE = read_playbook(WHOLE, "runbooks/playbooks/ShopAway.md")
OTHER = replace(PAGE, name="ShopGone", alerts=("ShopGone",), drill="shop-gone")
LOOKS = replace(PAGE, name="ShopSeen", alerts=("ShopSeen",), drill="", steps=PAGE.steps[:3])
DRILLS = {"shop-away": Drill(drill="shop-away", playbook="ShopAway", version="5ce11a")}


def report(**more):
    plain = {
        "drill": "shop-away",
        "playbook": "ShopAway",
        "version": PAGE.version,
        "drill_version": "5ce11a",
        "scale": 40,
        "at": "2027-02-13",
    }
    return Report(**plain | more)


@pytest.fixture(scope="module")
def ours():
    return covered(Library.load())


def test_every_alert_has_a_playbook(ours):
    """All of them, without exception."""
    assert () == ours.without_playbook
    assert ours.with_playbook == len(ours.alerts)


def test_every_playbook_that_changes_something_has_a_drill(ours):
    """A file in runbooks/drills that is about it."""
    assert () == ours.without_drill


def test_every_playbook_that_changes_something_is_proved(ours):
    """Green evidence of this very version: one that was changed is another one (`cubano drill run`, and keep what it writes)."""
    assert () == ours.unproved


def test_each_is_counted_once():
    """An alert by any playbook that lists it; what only looks needs no drill."""
    found = cover(
        Library([PAGE, OTHER, LOOKS]), ["ShopAway", "ShopSlow", "ShopSeen", "ShopLost"], DRILLS, {"shop-away": report()}
    )

    assert (("ShopLost",), ("ShopGone",), ("ShopGone",)) == (
        found.without_playbook, found.without_drill, found.unproved,
    )  # fmt: skip
    assert "4 alerts, 3 with a playbook (75 %); 2 playbooks executable, 1 drilled (50 %)" == found.line


@pytest.mark.parametrize(
    "kept", [{}, {"version": "other"}, {"playbook": "ShopGone"}, {"drill_version": "other"}, {"drill_version": ""}]
)
def test_evidence_of_something_else_proves_nothing(kept):
    """None, of another version, of another playbook, of a drill that was another one, or from before drills were told apart."""
    proved = {"shop-away": report(**kept)} if kept else {}

    assert ("ShopAway",) == cover(Library([PAGE]), ["ShopAway"], DRILLS, proved).unproved


@pytest.mark.parametrize(("part", "whole", "said"), [(199, 200, "99 %"), (200, 200, "100 %"), (0, 0, "100 %")])
def test_nearly_all_is_not_all(part, whole, said):
    """A share is never rounded up."""
    assert said == share(part, whole)

"""A drill in which nothing may happen: it lasts long enough, and it listens."""

import socket

import pytest

from runbooks.drills.drill import BrokenDrillError, Drill, load_drills, read_drill
from runbooks.drills.load import is_declined
from runbooks.drills.quiet import TOLD_S, needed_s
from runbooks.drills.scene import wait_for
from runbooks.drills.stack import Stack
from runbooks.drills.verdict import deaf
from runbooks.drills.watch import Look, watching

QUIET = [each for each in load_drills().values() if each.is_negative]


def test_it_lasts_until_the_alert_could_have_fired():
    """Declines: an hour, then a quarter of an hour; the usual week is not waited for. Forty times as fast."""
    assert 3600 / 40 + 900 // 40 + TOLD_S == needed_s(["DeclineRateShift"], 40)
    assert needed_s(["CardTesting"], 40) < needed_s(["CardTesting", "DeclineRateShift"], 40)


@pytest.mark.parametrize("drill", QUIET, ids=[each.drill for each in QUIET])
def test_each_names_alerts_that_exist(drill: Drill):
    """Otherwise nobody knows for how long it has to be quiet."""
    assert drill.silent
    assert needed_s(drill.silent, 40) > TOLD_S


def test_the_drill_of_declines_waits_for_the_alert_about_declines():
    """It is the one that would be told."""
    assert "DeclineRateShift" in load_drills()["issuers-decline"].silent


def test_one_that_names_none_is_refused():
    """Silence about nothing shows nothing."""
    with pytest.raises(BrokenDrillError, match="must be silent"):
        read_drill("---\ndrill: all-quiet\n---\n# all-quiet\n\nWhat it proves.\n", "all-quiet.md")


@pytest.mark.parametrize(
    ("heard", "why"),
    [
        ([True] * 20, []),
        ([True] * 18 + [False] * 2, []),
        ([True] * 17 + [False] * 3, ["the silence means nothing: Watchdog was seen at 17 of 20 looks"]),
        ([], ["the silence means nothing: Watchdog was seen at 0 of 0 looks"]),
    ],
    ids=["always", "nearly always", "too seldom", "never looked"],
)
def test_silence_counts_where_it_was_listened(heard, why):
    """The alert that always fires was there at nearly every look since the drill began."""
    assert why == deaf([Look(5, heard=True), *(Look(10 + at, each) for at, each in enumerate(heard))], since=10)


def test_as_many_are_declined_as_the_drill_says():
    """Evenly, so that a share is that share."""
    assert [4, 9] == [number for number in range(10) if is_declined(number, 0.2)]
    assert (0, 10) == tuple(sum(is_declined(number, share) for number in range(10)) for share in (0, 1))


def test_who_gets_no_answer_has_heard_nothing(tmp_path):
    """Neither Prometheus nor Alertmanager is there: the looks say so."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    stack = Stack(tmp_path, 40, {"prometheus": nobody, "alertmanager": nobody})

    with watching(stack) as watch:
        wait_for(lambda: watch.looks, 10)

    assert [False] == sorted({each.heard for each in watch.looks})
    assert ([], []) == (watch.firing, watch.pages)

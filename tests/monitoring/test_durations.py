"""The rules of a drill are the rules of production, with one factor between them."""

import pytest

from monitoring.durations import Scale

EXPRESSION = 'rate(x_total{route="/{order}"}[{5m}]) > 0 and age > {10m:s}'


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (1, 'rate(x_total{route="/{order}"}[5m]) > 0 and age > 600'),
        (60, 'rate(x_total{route="/{order}"}[5s]) > 0 and age > 10'),
        (600, 'rate(x_total{route="/{order}"}[5s]) > 0 and age > 1'),  # a range holds its four scrapes
    ],
)
def test_only_marks_are_written_out(factor, expected):
    """Braces of labels, with routes in them, stay as they are."""
    assert expected == Scale(factor).apply(EXPRESSION)


@pytest.mark.parametrize(("factor", "expected"), [(1, "600"), (6, "100"), (60, "75")])
def test_what_the_service_renews_itself_has_a_least(factor, expected):
    """A sweep runs once a minute, in a drill too; an age of one minute says nothing."""
    assert expected == Scale(factor).apply("{10m:s75}")


def test_a_duration_that_is_nothing_stays_nothing():
    """No factor makes an alert wait that does not wait."""
    assert ("0s", "2s", "2m") == (Scale(60).duration("0s"), Scale(60).duration("2m"), Scale().duration("2m"))

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


def test_a_duration_that_is_nothing_stays_nothing():
    """No factor makes an alert wait that does not wait."""
    assert ("0s", "2s", "2m") == (Scale(60).duration("0s"), Scale(60).duration("2m"), Scale().duration("2m"))

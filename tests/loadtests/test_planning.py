"""What is said of capacity, and how long it will do: plain sentences over known figures."""

import json
import math

import pytest
from rich.console import Console

from loadtests.capacity import Wish, capacity
from loadtests.growth import growth_of, years_left
from loadtests.planning import print_capacity, record, sentences
from loadtests.usl import Law
from tests.loadtests.test_capacity import SPANS, ramp


def test_the_first_sentence_is_the_answer():
    """How long the on-sale takes, and what holds it back; with the gateway's limit there is nothing to be unsure of."""
    first, *_ = sentences(capacity(ramp(), SPANS))

    assert first == (
        "An on-sale of 2,000 passes drains in 1 min 20 s: 1,500 passes a minute, the gateway's rate is the limit."
    )


def test_the_rest_says_what_gives_way_and_what_to_change():
    """Knee, peak, the narrowest place, replicas, connections, cost."""
    told = " ".join(sentences(capacity(ramp(), SPANS, Wish(gateway_per_second=1_000)), growth=0.3))

    assert "this machine is the limit" in told
    assert "serve: its one core" in told
    assert "CUBANO_DATABASE_POOL_SIZE" in told
    assert "Growing by 30% a year" in told
    assert "by those at 20%, at most 4" in told


def test_a_peak_that_was_not_reached_is_no_peak():
    """The sentence says so, and the record does."""
    found = capacity(ramp(Law(20.0, 0.01, 0.0)), SPANS)

    assert "it was not reached" in " ".join(sentences(found))
    assert record(found)["peak"]["reached"] is False


def test_the_table_and_the_record_have_every_level():
    """The same figures for people and for programs."""
    found, console = capacity(ramp(), SPANS), Console(width=200)
    with console.capture() as captured:
        print_capacity(console, found)

    told = json.loads(json.dumps(record(found)))
    assert len(SPANS) == len(told["levels"])
    assert all(f"{each['perSecond']:.1f}" in captured.get() for each in told["levels"])
    assert told["drainsInSeconds"] == [80, 80, 80]


def test_growth_is_fitted_to_all_years():
    """A tenth more each year is a tenth; two years tell nothing."""
    assert pytest.approx(0.1) == growth_of([100, 110, 121, 133.1])
    with pytest.raises(ValueError, match="3 years"):
        growth_of([100, 110])


@pytest.mark.parametrize(
    ("has", "wanted", "growth", "years"),
    [
        (200, 100, 1.0, 1.0),  # doubles in a year
        (100, 100, 0.1, 0.0),  # enough already, and no more
        (100, 50, 0.0, math.inf),
    ],
)
def test_years_until_it_will_not_do(has, wanted, growth, years):
    """What there is by what is wanted, at this growth."""
    assert pytest.approx(years) == years_left(has, wanted, growth)

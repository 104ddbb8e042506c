"""What is said of capacity, and how long it will do: plain sentences over known figures."""

import json
import math

import msgspec
import pytest
from click.testing import CliRunner
from rich.console import Console

from loadtests.capacity import Wish, capacity, steps_of
from loadtests.capacity_cli import capacity_command
from loadtests.growth import growth_of, years_left
from loadtests.planning import print_capacity, record, sentences
from loadtests.result import Outcome, Sent, save
from loadtests.scenario import SCENARIOS
from loadtests.usl import Law
from tests.loadtests.test_capacity import LAW, LEVELS, ramp


def test_the_first_sentence_is_the_answer():
    """How long the on-sale takes, and what holds it back; with the gateway's limit there is nothing to be unsure of."""
    first, *_ = sentences(capacity(ramp(), LEVELS))

    assert first == (
        "An on-sale of 2,000 passes drains in 1 min 20 s: 1,500 passes a minute, the gateway's rate is the limit."
    )


def test_the_rest_says_what_gives_way_and_what_to_change():
    """Knee, peak, the narrowest place, replicas, connections, cost."""
    told = " ".join(sentences(capacity(ramp(), LEVELS, Wish(gateway_per_second=1_000)), growth=0.3))

    assert "this machine is the limit" in told
    assert "serve: its one core" in told
    assert "CUBANO_DATABASE_POOL_SIZE" in told
    assert "Growing by 30% a year" in told
    assert "by those at 20%, at most 4" in told


def test_a_peak_that_was_not_reached_is_no_peak():
    """The sentence says so, and the record does."""
    found = capacity(ramp(Law(20.0, 0.01, 0.0)), LEVELS)

    assert "it was not reached" in " ".join(sentences(found))
    assert record(found)["peak"]["reached"] is False


def test_the_table_and_the_record_have_every_level():
    """The same figures for people and for programs."""
    found, console = capacity(ramp(), LEVELS), Console(width=200)
    with console.capture() as captured:
        print_capacity(console, found)

    told = json.loads(json.dumps(record(found)))
    assert len(LEVELS) == len(told["levels"])
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


@pytest.fixture
def played(tmp_path):
    """A ramp that somebody has kept: the real levels, and as many orders as the law says."""
    ramp_of = SCENARIOS["ramp"]
    sent: list[Sent] = []
    for step in steps_of(ramp_of):
        rate = LAW.at(step.users)
        took_ms = step.users / rate * 1000
        count = int((step.end - step.begin) * rate)
        sent += [
            Sent(step.begin + n / rate, "shopper", "checkout", took_ms, took_ms, Outcome.OK, 201) for n in range(count)
        ]
    ran = msgspec.structs.replace(ramp(), seconds=ramp_of.seconds)
    ran.generated = msgspec.structs.replace(ran.generated, sent=sent)
    save(ran, tmp_path / "ramp.bin")
    return tmp_path / "ramp.bin"


def test_a_ramp_that_was_kept_is_read_again(played):
    """The command answers without any load, in words and as JSON."""
    told = CliRunner().invoke(capacity_command, ["--read", str(played), "--passes", "600"])
    asked = CliRunner().invoke(capacity_command, ["--read", str(played), "--gateway-rate", "1000", "--json"])

    assert told.output.startswith("An on-sale of 600 passes drains in 24 s")
    assert "this machine" == json.loads(asked.output)["limitedBy"]


def test_what_is_no_ramp_is_a_matter_of_usage(tmp_path):
    """Exit code 2, with what would have been one."""
    (tmp_path / "other").write_bytes(b"something else")

    done = CliRunner().invoke(capacity_command, ["--read", str(tmp_path / "other")])

    assert 2 == done.exit_code
    assert "--save" in done.output


def test_a_ramp_that_tells_too_little_is_inconclusive(tmp_path):
    """Exit code 3, never a figure."""
    empty = ramp()
    empty = msgspec.structs.replace(empty, generated=msgspec.structs.replace(empty.generated, sent=[]))
    save(empty, tmp_path / "ramp.bin")

    done = CliRunner().invoke(capacity_command, ["--read", str(tmp_path / "ramp.bin")])

    assert 3 == done.exit_code
    assert "inconclusive" in done.output

"""The clock: aware UTC, and a dial that moves only when turned."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from service.kernel.clock import Clock, Dial, utc_now

NOON = datetime(2026, 5, 15, 12, tzinfo=UTC)


def test_now_is_aware_and_utc():
    """The real clock answers in UTC and says so."""
    assert utc_now().tzinfo is UTC


def test_a_dial_is_a_clock_that_stands_still():
    """Nothing but a turn moves it."""
    clock: Clock = Dial(NOON)

    assert [clock(), clock()] == [NOON, NOON]


def test_a_dial_turns_by_seconds_and_by_timedeltas():
    """Both add up, and each turn answers the new time."""
    dial = Dial(NOON)

    answers = [dial.advance(30), dial.advance(timedelta(minutes=1))]

    assert answers == [NOON + timedelta(seconds=30), NOON + timedelta(seconds=90)]
    assert dial() == answers[-1]


def test_a_dial_steps_back_like_a_corrected_clock():
    """Real clocks do, so code must stand it."""
    dial = Dial(NOON)

    dial.advance(-5)

    assert dial() == NOON - timedelta(seconds=5)


def test_a_dial_is_set_in_any_zone_and_answers_in_utc():
    """The instant counts, not its spelling."""
    dial = Dial(NOON)

    dial.set(datetime(2026, 5, 16, 9, tzinfo=timezone(timedelta(hours=-6))))

    assert dial() == datetime(2026, 5, 16, 15, tzinfo=UTC)
    assert dial().tzinfo is UTC


def test_a_naive_time_is_refused():
    """A time without a zone is a guess."""
    with pytest.raises(ValueError, match="aware"):
        Dial(datetime(2026, 5, 15, 12))  # noqa: DTZ001 - the naive time is the point

    with pytest.raises(ValueError, match="aware"):
        Dial(NOON).set(datetime(2026, 5, 15, 12))  # noqa: DTZ001

"""Ids: sortable, never twice, strict at the door; codes without bias; tokens that cannot be guessed."""

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.kernel.clock import Dial, utc_now
from service.kernel.ids import Ids, earliest, is_id

QUICK = settings(derandomize=True, max_examples=60, deadline=None)
NOON = datetime(2026, 5, 15, 12, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def zeros(count: int) -> bytes:
    return bytes(count)


def ones(count: int) -> bytes:
    return b"\xff" * count


def test_an_id_is_a_ulid_behind_a_prefix():
    """The example of the ULID specification: 1469918176385 ms are 01ARYZ6S41, here in lower case."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=1469918176385)

    made = Ids(Dial(at), zeros).new("ord")

    assert made == "ord_01aryz6s41" + "0" * 16


@QUICK
@given(st.lists(st.integers(-3_000, 3_000), min_size=1, max_size=50))
def test_later_ids_sort_later_whatever_the_clock_does(turns):
    """Forward, standing still or back, in milliseconds: each id is greater than the one before."""
    dial = Dial(NOON)
    ids = Ids(dial)
    made = []

    for turn in turns:
        dial.advance(timedelta(milliseconds=turn))
        made.append(ids.new("pay"))

    assert made == sorted(set(made))


def test_a_full_millisecond_borrows_from_the_next():
    """Even when the random part is used up the order holds."""
    ids = Ids(Dial(NOON), ones)

    first, second = ids.new("evt"), ids.new("evt")

    assert first < second
    assert first < earliest("evt", NOON + MILLISECOND) <= second < earliest("evt", NOON + 2 * MILLISECOND)


def test_two_processes_in_one_millisecond_do_not_meet():
    """80 random bits keep them apart."""
    clock = Dial(NOON)

    made = {Ids(clock).new("tkt") for _ in range(2_000)}

    assert len(made) == 2_000


@QUICK
@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants naive bounds
def test_an_id_tells_when_it_was_made(at):
    """To the millisecond, cut and not rounded: rows since then are a range of ids."""
    made = Ids(Dial(at)).new("ord")

    assert earliest("ord", at) <= made < earliest("ord", at + MILLISECOND)
    assert is_id(made, "ord")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "01aryz6s410000000000000000",  # no prefix
        "pay_01aryz6s410000000000000000",  # another noun
        "ORD_01aryz6s410000000000000000",
        "ord_01ARYZ6S410000000000000000",  # one spelling only
        "ord_01aryz6s41000000000000000",  # 25
        "ord_01aryz6s4100000000000000000",  # 27
        "ord_81aryz6s410000000000000000",  # more than 128 bits
        "ord_01aryz6s41000000000000000i",  # i, l, o and u are not in the alphabet
        "ord_01aryz6s41000000000000000l",
        "ord_01aryz6s41000000000000000o",
        "ord_01aryz6s41000000000000000u",
        "ord_01aryz6s410000000000000000\n",  # `$` would let this pass
        " ord_01aryz6s410000000000000000",
        "ord_٠1aryz6s410000000000000000",  # a digit to str.isdigit, not to us  # noqa: RUF001
        "ord_01aryz6s410000000000000000' OR 1=1",
    ],
)
def test_what_is_spelled_otherwise_is_no_id(text):
    """User input is an id only in the very spelling of `new`."""
    assert not is_id(text, "ord")


@pytest.mark.parametrize("prefix", ["", "o", "Ord", "1st", "or_d", "ord ", "a" * 13])
def test_a_prefix_that_could_not_be_read_back_is_refused(prefix):
    """2 to 12 of a-z and 0-9, a letter first."""
    with pytest.raises(ValueError, match="prefix"):
        Ids(utc_now).new(prefix)


def test_a_time_before_1970_is_refused():
    """It would not fit 48 bits."""
    with pytest.raises(ValueError, match="1970"):
        Ids(Dial(datetime(1969, 12, 31, tzinfo=UTC))).new("ord")


def test_a_code_can_be_read_out_loud():
    """Groups of upper-case Crockford characters."""
    ids = Ids(utc_now)

    parts = ids.code(groups=3, size=5).split("-")

    assert [len(part) for part in parts] == [5, 5, 5]
    assert set("".join(parts)) <= set(CROCKFORD)


def test_a_code_is_eight_characters_unless_told():
    """Forty bits of noughts and forty of ones are the first and the last code."""
    assert Ids(utc_now, zeros).code() == "0000-0000"
    assert Ids(utc_now, ones).code() == "ZZZZ-ZZZZ"


def test_every_character_of_a_code_is_as_likely():
    """Over all values of its bits each symbol comes up equally often."""
    pairs = itertools.product(range(256), repeat=2)

    seen = Counter(Ids(utc_now, lambda _, pair=pair: bytes(pair)).code(groups=1, size=2) for pair in pairs)

    assert len(seen) == 32 * 32
    assert set(seen.values()) == {2**16 // 32**2}


@pytest.mark.parametrize(("groups", "size"), [(0, 4), (2, 0), (-1, 4)])
def test_an_empty_code_is_refused(groups, size):
    """Nobody can read out nothing."""
    with pytest.raises(ValueError, match="code"):
        Ids(utc_now).code(groups, size)


def test_a_token_goes_into_a_url_as_it_is():
    """Url-safe base64 without padding: 43 characters for 32 bytes."""
    ids = Ids(utc_now)

    made = [ids.token() for _ in range(100)]

    assert {len(token) for token in made} == {43}
    assert len(set(made)) == 100
    assert all(token.replace("-", "a").replace("_", "a").isalnum() for token in made)


def test_a_token_that_can_be_tried_out_is_refused():
    """128 bits at least."""
    with pytest.raises(ValueError, match="guessed"):
        Ids(utc_now).token(15)

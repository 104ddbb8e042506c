"""Money: an exact amount of one currency at a time, shared out without loss."""

from decimal import Decimal

import pytest
from babel.core import get_global
from hypothesis import given, settings
from hypothesis import strategies as st

from service.kernel.money import EXPONENTS, CurrencyMismatch, Money, Rounding, UnknownCurrency, exponent_of, sum_money

QUICK = settings(derandomize=True, max_examples=80, deadline=None)
minors = st.integers(-(10**15), 10**15)
dollars = st.builds(Money, minors, st.just("USD"))
amounts = st.builds(Money, minors, st.sampled_from(sorted(EXPONENTS)))
weight_lists = st.lists(st.integers(0, 10**6), min_size=1, max_size=30).filter(any)


# ---- what an amount is -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("minor", [True, 1.0, "1", None, Decimal(1)])
def test_minor_units_are_an_int_and_nothing_like_it(minor):
    """A float, a bool or a text never becomes money."""
    with pytest.raises(TypeError, match="int"):
        Money(minor, "USD")


@pytest.mark.parametrize("currency", ["usd", "US", "DOLLAR", "", "XXX", "XAU", "DEM", None, 840, ["USD"]])
def test_a_currency_is_an_upper_case_code_of_iso_4217(currency):
    """Test codes, metals, withdrawn currencies and other spellings are refused, with the culprit named."""
    with pytest.raises(UnknownCurrency) as refused:
        Money(1, currency)

    assert refused.value.currency == currency


@pytest.mark.parametrize("minor", [2**63, -(2**63) - 1])
def test_an_amount_fits_its_column(minor):
    """A BIGINT is where it goes."""
    with pytest.raises(ValueError, match="BIGINT"):
        Money(minor, "USD")


@pytest.mark.parametrize(
    ("exponent", "codes"),
    [
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"),
        (2, "USD EUR MXN HUF TWD MGA RSD IDR COP"),  # CLDR shows some of these without decimals; ISO counts two
        (3, "BHD IQD JOD KWD LYD OMR TND"),
    ],
)
def test_exponents_are_those_of_iso_4217(exponent, codes):
    """Zero, two and three decimals."""
    assert {exponent_of(code) for code in codes.split()} == {exponent}


def test_every_currency_of_the_world_is_known():
    """What is legal tender somewhere today according to CLDR is in the table."""
    tender = {
        code
        for currencies in get_global("territory_currencies").values()
        for code, _, until, is_tender in currencies
        if is_tender and until is None
    }

    assert tender - EXPONENTS.keys() == set()


# ---- arithmetic ------------------------------------------------------------------------------------------------------


@QUICK
@given(dollars, dollars, dollars, st.integers(-1000, 1000))
def test_amounts_add_up_like_numbers(a, b, c, times):
    """Addition is commutative and associative, has a zero and an inverse, and multiplication distributes over it."""
    zero = Money.zero("USD")

    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + zero == a
    assert a + -a == a - a == zero
    assert (a + b) * times == times * a + times * b


@QUICK
@given(dollars, dollars)
def test_amounts_of_one_currency_are_ordered_like_their_minor_units(a, b):
    """Exactly one of less, equal and greater holds, and equal amounts hash alike."""
    assert (a < b, a == b, a > b) == (a.minor < b.minor, a.minor == b.minor, a.minor > b.minor)
    assert (a <= b, a >= b) == (a.minor <= b.minor, a.minor >= b.minor)
    assert len({a, b}) == (1 if a == b else 2)


@pytest.mark.parametrize("name", ["__add__", "__sub__", "__lt__", "__le__", "__gt__", "__ge__"])
def test_currencies_do_not_mix(name):
    """Neither sum nor order exists between two currencies; the error carries both."""
    with pytest.raises(CurrencyMismatch) as refused:
        getattr(Money(5, "USD"), name)(Money(5, "EUR"))

    assert (refused.value.left, refused.value.right) == ("USD", "EUR")


def test_equal_numbers_of_two_currencies_are_not_equal():
    """Equality is an answer and not an error, so that amounts can be keys."""
    assert Money(5, "USD") != Money(5, "EUR")
    assert {Money(5, "USD"), Money(5, "EUR")} == {Money(5, "EUR"), Money(5, "USD")}


@pytest.mark.parametrize("other", [5, 0.5, Decimal(5), "5", None])
def test_an_amount_adds_to_amounts_only(other):
    """A bare number has no currency."""
    with pytest.raises(TypeError):
        Money(5, "USD") + other


@pytest.mark.parametrize("factor", [0.5, Decimal("0.5"), True, "2", Money(2, "USD")])
def test_an_amount_is_multiplied_by_an_int_only(factor):
    """Half of it is `split`, `allocate` or `percent`."""
    with pytest.raises(TypeError):
        Money(5, "USD") * factor


def test_signs():
    """Zero is neither positive nor negative."""
    below, none, above = Money(-1, "USD"), Money.zero("USD"), Money(1, "USD")

    assert [(m.is_negative, m.is_zero, m.is_positive) for m in (below, none, above)] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]
    assert abs(below) == above


def test_a_sum_of_nothing_is_zero_of_its_currency():
    """And one stray currency spoils the sum."""
    assert sum_money([], "JPY") == Money.zero("JPY")
    assert sum_money([Money(1, "USD"), Money(2, "USD")], "USD") == Money(3, "USD")

    with pytest.raises(CurrencyMismatch):
        sum_money([Money(1, "USD")], "EUR")


# ---- sharing out -----------------------------------------------------------------------------------------------------


@QUICK
@given(amounts, weight_lists)
def test_an_allocation_loses_nothing_and_is_fair(amount, weights):
    """The parts sum to the whole, each is within one minor unit of its exact share, and weight zero gets nothing."""
    parts = amount.allocate(weights)

    assert sum_money(parts, amount.currency) == amount
    assert all(
        abs(part.minor * sum(weights) - amount.minor * weight) < sum(weights)
        for part, weight in zip(parts, weights, strict=True)
    )
    assert all(part.is_zero for part, weight in zip(parts, weights, strict=True) if weight == 0)


@QUICK
@given(amounts, weight_lists)
def test_a_refund_is_allocated_like_its_charge(amount, weights):
    """A negative amount is shared out as the mirror of the positive one, and the same way each time."""
    assert (-amount).allocate(weights) == [-part for part in amount.allocate(weights)]
    assert amount.allocate(weights) == amount.allocate(weights)


@pytest.mark.parametrize(
    ("minor", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),  # a tie goes to the earlier place
        (100, [1, 2, 3], [17, 33, 50]),  # the largest remainder gets the odd cent
        (5, [0, 1, 0], [0, 5, 0]),
        (1, [1, 1], [1, 0]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (0, [3, 4], [0, 0]),
        (2**63 - 1, [1, 2**62], [2, 2**63 - 3]),  # exact where a double would be off by hundreds
    ],
)
def test_the_odd_cents_have_a_known_owner(minor, weights, parts):
    """Largest remainder first, then the earlier place."""
    assert [part.minor for part in Money(minor, "USD").allocate(weights)] == parts


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [1, -1], [3, -1]])
def test_weights_that_share_nothing_out_are_refused(weights):
    """No weights, only zeros, or a negative one."""
    with pytest.raises(ValueError, match="weights"):
        Money(100, "USD").allocate(weights)


def test_a_split_is_even_to_the_minor_unit():
    """The first ones get one more."""
    assert [part.minor for part in Money(1000, "JPY").split(3)] == [334, 333, 333]

    with pytest.raises(ValueError, match="weights"):
        Money(1000, "JPY").split(0)


# ---- percent ---------------------------------------------------------------------------------------------------------


@QUICK
@given(st.integers(-(10**6), 10**6), st.integers(-20_000, 20_000), st.sampled_from(Rounding))
def test_percent_rounds_as_decimal_does(minor, basis_points, rounding):
    """Each rounding agrees with `decimal`'s of the same name, for either sign."""
    expected = (Decimal(minor) * basis_points / 10_000).quantize(Decimal(1), rounding=rounding)

    assert Money(minor, "USD").percent(basis_points, rounding) == Money(int(expected), "USD")


@pytest.mark.parametrize(
    ("minor", "basis_points", "part"),
    [
        (12500, 290, 362),  # 362.5 goes to the even one
        (12700, 250, 318),  # 317.5 too
        (10, 10_000, 10),
        (10, 0, 0),
        (-12500, 290, -362),
    ],
)
def test_percent_is_basis_points_and_rounds_half_to_even(minor, basis_points, part):
    """2.9 % is 290; ties do not drift one way."""
    assert Money(minor, "USD").percent(basis_points).minor == part


@pytest.mark.parametrize("basis_points", [2.9, True, Decimal("2.9")])
def test_percent_takes_an_int(basis_points):
    """2.9 would be taken for 2.9 % by one reader and 2.9 basis points by another."""
    with pytest.raises(TypeError, match="basis points"):
        Money(100, "USD").percent(basis_points)

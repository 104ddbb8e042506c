"""Money written down: decimals, a gateway's units, JSON, and for people's eyes."""

from decimal import Decimal

import msgspec
import pytest
from babel.core import Locale
from hypothesis import given, settings
from hypothesis import strategies as st

from service.kernel.money import EXPONENTS, Money

QUICK = settings(derandomize=True, max_examples=80, deadline=None)
amounts = st.builds(Money, st.integers(-(2**63), 2**63 - 1), st.sampled_from(sorted(EXPONENTS)))


# ---- decimals and other scales ---------------------------------------------------------------------------------------


@QUICK
@given(amounts)
def test_decimals_are_exact_both_ways(amount):
    """With exactly as many decimals as the currency has."""
    written = amount.to_decimal()

    assert Money.from_decimal(written, amount.currency) == amount
    assert -written.as_tuple().exponent == amount.exponent


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("125", "USD", 12500),
        ("125.5", "USD", 12550),
        ("1.000", "USD", 100),  # decimals that say nothing lose nothing
        ("1E+2", "USD", 10000),
        ("-0.01", "USD", -1),
        ("500", "JPY", 500),
        ("500.00", "JPY", 500),
        ("1.234", "KWD", 1234),
    ],
)
def test_an_amount_written_out_is_read_exactly(text, currency, minor):
    """PayPal writes amounts as decimals."""
    assert Money.from_decimal(Decimal(text), currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("0.001", "USD"),
        ("0.5", "JPY"),
        ("1.2345", "KWD"),
        ("1E-1000000", "USD"),
        ("1E+1000000", "USD"),
        ("99999999999999999999", "USD"),
        ("NaN", "USD"),
        ("Infinity", "USD"),
    ],
)
def test_an_amount_that_would_have_to_be_rounded_is_refused(text, currency):
    """Nor does anything that is no number become an amount."""
    with pytest.raises(ValueError, match=r"amount|BIGINT"):
        Money.from_decimal(Decimal(text), currency)


@pytest.mark.parametrize("amount", [1.25, 1, "1.25"])
def test_a_decimal_is_a_decimal(amount):
    """A float is refused before it is wrong."""
    with pytest.raises(TypeError, match="Decimal"):
        Money.from_decimal(amount, "USD")


@pytest.mark.parametrize(
    ("amount", "places", "count"),
    [
        (Money(500, "USD"), 2, 500),
        (Money(5, "ISK"), 2, 500),  # zero decimals to ISO, two to a gateway
        (Money(500, "MGA"), 0, 5),  # the other way round
        (Money(-1234, "KWD"), 3, -1234),
    ],
)
def test_a_gateway_may_count_in_other_units(amount, places, count):
    """There and back again."""
    assert amount.at_scale(places) == count
    assert Money.from_scale(count, amount.currency, places) == amount


def test_what_falls_between_two_units_is_refused():
    """Neither direction rounds."""
    with pytest.raises(ValueError, match="do not fit"):
        Money(501, "MGA").at_scale(0)

    with pytest.raises(ValueError, match="do not fit"):
        Money.from_scale(501, "ISK", 2)


# ---- before people's eyes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "locale", "text"),
    [
        (Money(12500, "USD"), "en", "$125.00"),
        (Money(12500, "USD"), "es", "125,00\N{NO-BREAK SPACE}US$"),
        (Money(123456789, "EUR"), "de-DE", "1.234.567,89\N{NO-BREAK SPACE}€"),  # a browser's spelling of a locale
        (Money(123456, "JPY"), "en", "¥123,456"),
        (Money(1234, "KWD"), "en", "KWD1.234"),
        (Money(150, "RSD"), "en", "RSD1.50"),  # CLDR would show RSD2
        (Money(-5, "USD"), "en", "-$0.05"),
        (Money(2**63 - 1, "USD"), "en", "$92,233,720,368,547,758.07"),
        (Money(12500, "USD"), Locale("es"), "125,00\N{NO-BREAK SPACE}US$"),
    ],
)
def test_an_amount_is_written_in_the_readers_locale(amount, locale, text):
    """With all its decimals, always."""
    assert amount.format(locale) == text


def test_writing_an_amount_leaves_the_locale_as_it_was():
    """Locales are shared; one currency's decimals must not leak into the next."""
    Money(1234, "KWD").format("en")

    assert Money(12500, "USD").format("en") == "$125.00"
    assert Locale("en").currency_formats["standard"].frac_prec == (2, 2)


# ---- JSON ------------------------------------------------------------------------------------------------------------


@QUICK
@given(amounts)
def test_json_holds_minor_and_currency(amount):
    """And reads back as the same amount."""
    written = msgspec.json.encode(amount)

    assert msgspec.json.decode(written) == {"minor": amount.minor, "currency": amount.currency}
    assert msgspec.json.decode(written, type=Money) == amount


@pytest.mark.parametrize(
    "text",
    [
        '{"minor": 1.5, "currency": "USD"}',
        '{"minor": 1.0, "currency": "USD"}',
        '{"minor": "1", "currency": "USD"}',
        '{"minor": true, "currency": "USD"}',
        '{"minor": null, "currency": "USD"}',
        '{"minor": 9223372036854775808, "currency": "USD"}',
        '{"minor": 1, "currency": "usd"}',
        '{"minor": 1, "currency": "XXX"}',
        '{"minor": 1}',
        '{"currency": "USD"}',
        "100",
    ],
)
def test_json_that_is_no_amount_is_a_validation_error(text):
    """The caller's mistake, told as one."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Money)

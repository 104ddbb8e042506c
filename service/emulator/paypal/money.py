"""Money as PayPal writes it: a decimal text and a currency; inside, minor units.

The fee is the list price of a wallet payment: 2.99 % and 49 minor units.
"""

import re
from decimal import ROUND_HALF_UP, Decimal

from service.emulator.paypal.errors import invalid, missing, unprocessable
from service.emulator.wire import Obj

CURRENCIES = frozenset({
    "AUD", "BRL", "CAD", "CNY", "CZK", "DKK", "EUR", "HKD", "HUF", "ILS", "JPY", "MYR",
    "MXN", "TWD", "NZD", "NOK", "PHP", "PLN", "GBP", "SGD", "SEK", "CHF", "THB", "USD",
})  # fmt: skip
WHOLE = frozenset({"HUF", "JPY", "TWD"})  # no decimals: developer.paypal.com/api/rest/reference/currency-codes
VALUE = re.compile(r"-?[0-9]+|-?[0-9]*[.][0-9]+")
RATE_BASIS_POINTS = 299
FIXED = 49


def digits(currency: str) -> int:
    return 0 if currency in WHOLE else 2


def written(minor: int, currency: str) -> Obj:
    """Minor units as the vendor's money object."""
    places = digits(currency)
    return {"currency_code": currency, "value": f"{Decimal(minor).scaleb(-places):.{places}f}"}


def minor_of(money: Obj) -> int:
    """Of money that has been read before."""
    return int(Decimal(money["value"]).scaleb(digits(money["currency_code"])))


def read(given: object, field: str, *, least: int = 0) -> tuple[int, str]:
    """Minor units and currency of a money object of a request; refuses what the vendor refuses."""
    if not isinstance(given, dict):
        raise missing(field)
    value, currency = given.get("value"), given.get("currency_code")
    if not isinstance(value, str) or not value:
        raise missing(f"{field}/value")
    if not isinstance(currency, str) or not currency:
        raise missing(f"{field}/currency_code")
    if not VALUE.fullmatch(value):
        raise invalid(
            "INVALID_PARAMETER_SYNTAX",
            f"{field}/value",
            "The value of a field does not conform to the expected format.",
        )
    if currency not in CURRENCIES:
        raise unprocessable(
            "INVALID_CURRENCY_CODE",
            "Currency code is invalid or is not currently supported. Please refer "
            "https://developer.paypal.com/api/rest/reference/currency-codes/ for list of supported currency codes.",
            field=f"{field}/currency_code",
        )
    exact = Decimal(value).scaleb(digits(currency))
    if exact != int(exact):
        raise unprocessable(
            "DECIMAL_PRECISION",
            "If the currency supports decimals, only two decimal place precision is supported.",
            field=f"{field}/value",
        )
    if exact < least:
        raise unprocessable(
            "CANNOT_BE_ZERO_OR_NEGATIVE" if least else "CANNOT_BE_NEGATIVE",
            "Must be greater than zero. If the currency supports decimals, only two decimal place precision is supported.",
            field=f"{field}/value",
        )
    return int(exact), currency


def fee(minor: int) -> int:
    """What the vendor keeps of a payment."""
    share = (Decimal(minor) * RATE_BASIS_POINTS).scaleb(-4).quantize(Decimal(1), ROUND_HALF_UP)
    return min(minor, int(share) + FIXED)

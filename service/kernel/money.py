"""An amount of one currency, exact.

`Money` counts minor units as an integer; no float comes near. Mixing currencies raises `CurrencyMismatch`, splitting
is `allocate` and loses nothing, percent is basis points. JSON is `{"minor": 12500, "currency": "USD"}`; in a table it
is the column pair of `money`. Exponents are those of ISO 4217, not of CLDR (which drops the cents of a dozen of them)
and not of a gateway: an adapter that counts otherwise keeps its own table and goes through `at_scale`/`from_scale`.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from enum import StrEnum
from functools import total_ordering
from typing import Any, Final, Self

from babel.core import Locale
from babel.numbers import format_currency
from sqlalchemy import CHAR, BigInteger, CheckConstraint, ColumnElement, and_, not_
from sqlalchemy.orm import Composite, composite, mapped_column
from sqlalchemy.sql import operators

# Currencies of ISO 4217 that people pay with, by decimals; funds, metals and test codes are left out.
_BY_EXPONENT: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP
        CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR
        JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN
        NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP
        SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG""",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
EXPONENTS: Final = {code: exponent for exponent, codes in _BY_EXPONENT.items() for code in codes.split()}
_LIMIT: Final = 2**63  # a BIGINT holds it
_WHOLE: Final = 10_000  # basis points


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies met where only one can be."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__(f"{left} and {right} do not mix")
        self.left, self.right = left, right


class UnknownCurrency(ValueError):
    """The text is no upper-case ISO 4217 code that people pay with."""

    def __init__(self, currency: object) -> None:
        super().__init__(f"unknown currency {currency!r}")
        self.currency = currency


class Rounding(StrEnum):
    """What happens to a part of a minor unit; the values are those of `decimal`."""

    HALF_EVEN = "ROUND_HALF_EVEN"
    HALF_UP = "ROUND_HALF_UP"  # a tie goes away from zero
    DOWN = "ROUND_DOWN"  # toward zero
    UP = "ROUND_UP"  # away from zero


def exponent_of(currency: str) -> int:
    """Answer how many decimals the currency has; UnknownCurrency otherwise."""
    try:
        return EXPONENTS[currency]
    except (KeyError, TypeError):
        raise UnknownCurrency(currency) from None


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """`Money(12500, "USD")` is 125 dollars. TypeError for a minor that is no int, ValueError past a BIGINT."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        exponent_of(self.currency)
        if type(self.minor) is not int:  # True is an int to isinstance
            raise TypeError(f"minor units are an int, not {self.minor!r}")
        if not -_LIMIT <= self.minor < _LIMIT:
            raise ValueError(f"{self.minor} minor units do not fit a BIGINT")

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls(0, currency)

    @classmethod
    def from_decimal(cls, amount: Decimal, currency: str) -> Self:
        """Answer the amount exactly; ValueError when it needs more decimals than the currency has."""
        if not isinstance(amount, Decimal):
            raise TypeError(f"an amount is a Decimal, not {amount!r}")
        if not amount.is_finite():
            raise ValueError(f"{amount} is no amount")
        exponent = exponent_of(currency)
        exact = Context(prec=40, traps=[Inexact, InvalidOperation, Overflow])
        try:
            fixed = amount.quantize(Decimal((0, (1,), -exponent)), context=exact)
        except (Inexact, InvalidOperation, Overflow):
            raise ValueError(f"{amount} is no exact amount of {currency}") from None
        return cls(int(fixed.scaleb(exponent, context=exact)), currency)

    @classmethod
    def from_scale(cls, count: int, currency: str, places: int) -> Self:
        """Read a count of units with `places` decimals; ValueError when it falls between two minor units."""
        return cls(_rescale(count, places, exponent_of(currency)), currency)

    def at_scale(self, places: int) -> int:
        """Count in units with `places` decimals, as a gateway may want; ValueError when that would lose something."""
        return _rescale(self.minor, self.exponent, places)

    @property
    def exponent(self) -> int:
        return exponent_of(self.currency)

    @property
    def is_zero(self) -> bool:
        return self.minor == 0

    @property
    def is_positive(self) -> bool:
        return self.minor > 0

    @property
    def is_negative(self) -> bool:
        return self.minor < 0

    def __add__(self, other: Self) -> Self:
        return self._with(self.minor + self._same(other))

    def __sub__(self, other: Self) -> Self:
        return self._with(self.minor - self._same(other))

    def __mul__(self, times: int) -> Self:
        if type(times) is not int:
            return NotImplemented
        return self._with(self.minor * times)

    __rmul__ = __mul__

    def __neg__(self) -> Self:
        return self._with(-self.minor)

    def __abs__(self) -> Self:
        return self._with(abs(self.minor))

    def __lt__(self, other: Self) -> bool:
        return self.minor < self._same(other)

    def allocate(self, weights: Sequence[int]) -> list[Self]:
        """Share out by weight so that the parts sum to the whole: largest remainder first, then the earlier place.

        A weight of zero gets nothing; ValueError for a negative weight or when none is positive.
        """
        whole = sum(weights)
        if whole <= 0 or min(weights) < 0:
            raise ValueError(f"weights are not negative and not all zero, unlike {list(weights)}")
        sign = -1 if self.minor < 0 else 1
        shares, rests = zip(*(divmod(abs(self.minor) * weight, whole) for weight in weights), strict=True)
        first = sorted(range(len(rests)), key=lambda place: (-rests[place], place))
        lucky = frozenset(first[: abs(self.minor) - sum(shares)])
        return [self._with(sign * (share + (place in lucky))) for place, share in enumerate(shares)]

    def split(self, parts: int) -> list[Self]:
        """Share out evenly; the first ones get the odd minor units."""
        return self.allocate([1] * parts)

    def percent(self, basis_points: int, rounding: Rounding = Rounding.HALF_EVEN) -> Self:
        """Answer that part of the amount: 250 basis points are 2.5 %."""
        if type(basis_points) is not int:
            raise TypeError(f"basis points are an int, not {basis_points!r}")
        product = self.minor * basis_points
        size = _divide(abs(product), _WHOLE, rounding)
        return self._with(-size if product < 0 else size)

    def to_decimal(self) -> Decimal:
        """Answer `Decimal("125.00")`, with exactly the decimals of the currency."""
        digits = tuple(int(digit) for digit in str(abs(self.minor)))
        return Decimal((int(self.minor < 0), digits, -self.exponent))

    def format(self, locale: Locale | str = "en_US") -> str:
        """Write for people: `$125.00`, or `125,00 US$` in Spanish, always with all decimals of ISO 4217."""
        spoken = locale if isinstance(locale, Locale) else Locale.parse(locale.replace("-", "_"))
        pattern = copy.copy(spoken.currency_formats["standard"])
        pattern.frac_prec = (self.exponent, self.exponent)
        return format_currency(self.to_decimal(), self.currency, pattern, locale=spoken, currency_digits=False)

    def _with(self, minor: int) -> Self:
        return type(self)(minor, self.currency)

    def _same(self, other: object) -> int:
        if not isinstance(other, Money):
            raise TypeError(f"{other!r} is no Money")
        if self.currency != other.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return other.minor


def sum_money(amounts: Iterable[Money], currency: str) -> Money:
    """Add up; of no amounts that is zero, therefore the currency."""
    total = Money.zero(currency)
    for amount in amounts:
        total += amount
    return total


def _divide(number: int, by: int, rounding: Rounding) -> int:
    """Divide what is not negative."""
    whole, rest = divmod(number, by)
    match rounding:
        case Rounding.DOWN:
            return whole
        case Rounding.UP:
            return whole + (rest > 0)
        case Rounding.HALF_UP:
            return whole + (2 * rest >= by)
        case Rounding.HALF_EVEN:
            return whole + (2 * rest > by or (2 * rest == by and whole % 2 == 1))


def _rescale(count: int, places: int, wanted: int) -> int:
    up: int = 10 ** max(wanted - places, 0)
    down: int = 10 ** max(places - wanted, 0)
    whole, rest = divmod(count * up, down)
    if rest:
        raise ValueError(f"{count} units of {places} decimals do not fit {wanted} decimals")
    return whole


class _Comparison(Composite.Comparator[Money]):
    """SQL comparisons as Money means them: different in either column, in order only within a currency.

    The stock comparator goes column by column: `price < five` would also want a currency below USD.
    """

    def __ne__(self, other: object) -> ColumnElement[bool]:  # type: ignore[override]  # SQL, not bool, as its parent
        return not_(self.__eq__(other))

    def is_(self, other: None) -> ColumnElement[bool]:  # type: ignore[override]  # narrower: NULL is the one identity
        return self.__eq__(other)

    def is_not(self, other: None) -> ColumnElement[bool]:  # type: ignore[override]
        return self.__ne__(other)

    def __lt__(self, other: Any) -> ColumnElement[bool]:
        return self._within(operators.lt, other)

    def __le__(self, other: Any) -> ColumnElement[bool]:
        return self._within(operators.le, other)

    def __gt__(self, other: Any) -> ColumnElement[bool]:
        return self._within(operators.gt, other)

    def __ge__(self, other: Any) -> ColumnElement[bool]:
        return self._within(operators.ge, other)

    def _within(self, operator: Callable[[Any, Any], Any], other: Money) -> ColumnElement[bool]:
        minor, currency = self.clauses.clauses
        return and_(operator(minor, other.minor), operators.eq(currency, other.currency))


def money(name: str, *, nullable: bool = False) -> Composite[Money]:
    """Map two columns as one attribute, price_minor BIGINT and price_currency CHAR(3) for `money("price")`.

    It is annotated `price: Mapped[Money]`, or `Mapped[Money | None]` with `nullable=True`. The database itself refuses
    half a pair and what does not look like a currency.
    """
    minor, currency = f"{name}_minor", f"{name}_currency"
    shape = CheckConstraint(f"{currency} ~ '^[A-Z]{{3}}$'", name=f"{name}_currency_shape")
    pair = [CheckConstraint(f"({minor} IS NULL) = ({currency} IS NULL)", name=f"{name}_pair")] if nullable else []
    return composite(
        Money,
        mapped_column(minor, BigInteger, *pair, nullable=nullable),
        mapped_column(currency, CHAR(3), shape, nullable=nullable),
        return_none_on=(lambda minor, _: minor is None) if nullable else None,
        comparator_factory=_Comparison,
    )

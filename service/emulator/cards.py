"""The documented test cards and bank accounts, and what each of them makes happen (docs.stripe.com/testing).

A new card is one row. A number that is no row is refused the way test mode refuses a real card.
"""

from dataclasses import dataclass
from enum import Enum


class Later(Enum):
    """What a card that charges well today holds in store."""

    NOTHING = "none"
    DISPUTE_FRAUDULENT = "dispute_fraudulent"
    DISPUTE_NOT_RECEIVED = "dispute_product_not_received"
    INQUIRY = "inquiry"
    EARLY_FRAUD_WARNING = "early_fraud_warning"
    REFUND_PENDING = "refund_pending_then_succeeded"
    REFUND_FAILS = "refund_succeeded_then_failed"
    AVAILABLE_AT_ONCE = "available_at_once"


@dataclass(frozen=True, kw_only=True)
class Decline:
    """An issuer's no, in the words of the API."""

    code: str
    decline_code: str
    message: str
    advice_code: str | None = None
    network_decline_code: str = "01"


@dataclass(frozen=True, kw_only=True)
class Card:
    """One row: how it pays, whether it asks the buyer first, and what comes later."""

    number: str
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    decline: Decline | None = None
    challenge: bool = False
    blocked: bool = False
    risk: str = "normal"
    later: Later = Later.NOTHING
    about: str = ""


@dataclass(frozen=True, kw_only=True)
class Account:
    """A bank account for payments that settle later."""

    number: str
    failure: Decline | None = None
    about: str = ""


DECLINED = "Your card was declined."
GENERIC = Decline(code="card_declined", decline_code="generic_decline", message=DECLINED, advice_code="try_again_later")
NO_FUNDS = Decline(
    code="card_declined",
    decline_code="insufficient_funds",
    message="Your card has insufficient funds.",
    advice_code="try_again_later",
    network_decline_code="51",
)
LOST = Decline(
    code="card_declined",
    decline_code="lost_card",
    message=DECLINED,
    advice_code="do_not_try_again",
    network_decline_code="41",
)
STOLEN = Decline(
    code="card_declined",
    decline_code="stolen_card",
    message=DECLINED,
    advice_code="do_not_try_again",
    network_decline_code="43",
)
EXPIRED = Decline(
    code="expired_card",
    decline_code="expired_card",
    message="Your card has expired.",
    advice_code="confirm_card_data",
    network_decline_code="54",
)
WRONG_CVC = Decline(
    code="incorrect_cvc",
    decline_code="incorrect_cvc",
    message="Your card's security code is incorrect.",
    advice_code="confirm_card_data",
    network_decline_code="N7",
)
PROCESSING = Decline(
    code="processing_error",
    decline_code="processing_error",
    message="An error occurred while processing your card. Try again in a little bit.",
    advice_code="try_again_later",
    network_decline_code="96",
)
VELOCITY = Decline(
    code="card_declined",
    decline_code="card_velocity_exceeded",
    message="Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    network_decline_code="61",
)
FRAUDULENT = Decline(code="card_declined", decline_code="fraudulent", message=DECLINED)

_ROWS = (
    Card(number="4242424242424242", about="pays"),
    Card(number="4000056655665556", funding="debit"),
    Card(number="5555555555554444", brand="mastercard"),
    Card(number="2223003122003222", brand="mastercard"),
    Card(number="5200828282828210", brand="mastercard", funding="debit"),
    Card(number="5105105105105100", brand="mastercard", funding="prepaid"),
    Card(number="378282246310005", brand="amex"),
    Card(number="371449635398431", brand="amex"),
    Card(number="6011111111111117", brand="discover"),
    Card(number="6011000990139424", brand="discover"),
    Card(number="3056930009020004", brand="diners"),
    Card(number="36227206271667", brand="diners"),
    Card(number="3566002020360505", brand="jcb", country="JP"),
    Card(number="6200000000000005", brand="unionpay", country="CN"),
    Card(number="4000007240000007", country="ES"),
    Card(number="4000004840008001", country="MX"),
    Card(number="4000000000000077", later=Later.AVAILABLE_AT_ONCE),
    Card(number="4000000000000002", decline=GENERIC, about="declined"),
    Card(number="4000000000009995", decline=NO_FUNDS, about="no_funds"),
    Card(number="4000000000009987", decline=LOST),
    Card(number="4000000000009979", decline=STOLEN),
    Card(number="4000000000000069", decline=EXPIRED, about="expired"),
    Card(number="4000000000000127", decline=WRONG_CVC, about="cvc"),
    Card(number="4000000000000119", decline=PROCESSING, about="processing"),
    Card(number="4000000000006975", decline=VELOCITY),
    Card(number="4100000000000019", decline=FRAUDULENT, blocked=True, risk="highest"),
    Card(number="4000000000004954", decline=FRAUDULENT, blocked=True, risk="highest"),
    Card(number="4000000000009235", risk="elevated"),
    Card(number="4000002500003155", challenge=True),
    Card(number="4000002760003184", challenge=True, about="challenge"),
    Card(number="4000008260003178", challenge=True, decline=NO_FUNDS, about="challenge_no_funds"),
    Card(number="4000000000000259", later=Later.DISPUTE_FRAUDULENT),
    Card(number="4000000000002685", later=Later.DISPUTE_NOT_RECEIVED),
    Card(number="4000000000001976", later=Later.INQUIRY),
    Card(number="4000000000005423", later=Later.EARLY_FRAUD_WARNING),
    Card(number="4000000000007726", later=Later.REFUND_PENDING),
    Card(number="4000000000005126", later=Later.REFUND_FAILS),
)
CARDS = {card.number: card for card in _ROWS}

ROUTING_NUMBER = "110000000"


def _returned(code: str, message: str) -> Decline:
    return Decline(code=code, decline_code=code, message=message)


_ACCOUNTS = (
    Account(number="000123456789", about="bank_pays"),
    Account(
        number="000111111113",
        failure=_returned("account_closed", "The customer's bank account has been closed."),
    ),
    Account(
        number="000222222227",
        failure=_returned("insufficient_funds", "The customer's account has insufficient funds to cover this payment."),
        about="bank_fails",
    ),
    Account(
        number="000333333335",
        failure=_returned(
            "debit_not_authorized", "The customer has notified their bank that this payment was unauthorized."
        ),
    ),
)
ACCOUNTS = {account.number: account for account in _ACCOUNTS}
BANK_SUCCEEDS, BANK_FAILS = ACCOUNTS["000123456789"], ACCOUNTS["000222222227"]


class CardRefused(Exception):
    """The card was refused before any attempt to pay was made."""

    def __init__(self, code: str, message: str, *, field: str, decline_code: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.decline_code = decline_code


def passes_luhn(number: str) -> bool:
    """The check digit of ISO/IEC 7812."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - the sum of its two digits
    return total % 10 == 0


def find_card(number: str) -> Card:
    digits = number.replace(" ", "").replace("-", "")
    if not (digits.isascii() and digits.isdecimal() and 12 <= len(digits) <= 19 and passes_luhn(digits)):  # noqa: PLR2004
        raise CardRefused("incorrect_number", "Your card number is incorrect.", field="number")
    card = CARDS.get(digits)
    if card is None:
        raise CardRefused(
            "card_declined",
            "Your card was declined. Your request was in test mode, but used a non test card. Use one of the test cards.",
            field="number",
            decline_code="test_mode_live_card",
        )
    return card


def find_account(number: str) -> Account:
    account = ACCOUNTS.get(number.strip())
    if account is None:
        raise CardRefused("account_number_invalid", "Use one of the test account numbers.", field="account")
    return account

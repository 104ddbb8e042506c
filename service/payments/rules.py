"""What an event is about, and decline codes into words: a category for the metrics, a sentence for the buyer, and
whether trying again can help.

The codes are the gateways': Stripe's in small letters (https://docs.stripe.com/declines/codes), PayPal's issues in capitals
(https://developer.paypal.com/api/rest/reference/orders/v2/errors/). What may tell a thief something (lost, stolen, fraud) is
shown to the buyer as a plain decline. Where the gateway advises on another try, its advice has the last word.
"""

from dataclasses import dataclass
from enum import StrEnum

from service.books.rules import Moved
from service.gateways.facts import GatewayEvent
from service.payments.tables import Payment

OBJECT = "object"  # the type of what was read off the gateway's object and came as no event


class DeclineCategory(StrEnum):
    INSUFFICIENT_FUNDS = "insufficient_funds"
    CARD_EXPIRED = "card_expired"
    CARD_INCORRECT = "card_incorrect"
    AUTHENTICATION = "authentication"
    FRAUD = "fraud"
    PROCESSING = "processing"
    NOT_SUPPORTED = "not_supported"  # the card cannot pay for this at all
    ACCOUNT = "account"  # the buyer's account at the provider cannot pay
    DO_NOT_HONOR = "do_not_honor"
    OTHER = "other"


@dataclass(frozen=True)
class Words:
    """What the buyer reads, by language, and whether the same card may work on another try."""

    text: dict[str, str]
    retry: bool


_C = DeclineCategory

_CODES = {
    _C.INSUFFICIENT_FUNDS: """
        insufficient_funds card_velocity_exceeded withdrawal_count_limit_exceeded invalid_amount
        TRANSACTION_LIMIT_EXCEEDED
    """,
    _C.CARD_EXPIRED: "expired_card new_account_information_available CARD_EXPIRED",
    _C.CARD_INCORRECT: """
        incorrect_address incorrect_cvc incorrect_number incorrect_pin incorrect_zip invalid_account invalid_cvc
        invalid_expiry_month invalid_expiry_year invalid_number invalid_pin
    """,
    _C.AUTHENTICATION: """
        authentication_required authentication_not_handled approve_with_id mobile_device_authentication_required
        offline_pin_required online_or_offline_pin_required payment_intent_authentication_failure
        PAYER_ACTION_REQUIRED
    """,
    _C.FRAUD: """
        fraudulent highest_risk_level lost_card merchant_blacklist pickup_card restricted_card security_violation
        stolen_card COMPLIANCE_VIOLATION PAYEE_BLOCKED_TRANSACTION TRANSACTION_BLOCKED_BY_PAYEE
    """,
    _C.PROCESSING: """
        issuer_not_available processing_error reenter_transaction try_again_later
    """,
    _C.NOT_SUPPORTED: """
        card_not_supported currency_not_supported service_not_allowed transaction_not_allowed not_permitted
        test_mode_live_card testmode_decline CARD_BRAND_NOT_SUPPORTED CARD_CLOSED DOMESTIC_TRANSACTION_REQUIRED
    """,
    _C.ACCOUNT: """
        PAYER_ACCOUNT_LOCKED_OR_CLOSED PAYER_ACCOUNT_RESTRICTED PAYER_CANNOT_PAY PAYER_COUNTRY_NOT_SUPPORTED
        MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED
    """,
    _C.DO_NOT_HONOR: """
        call_issuer card_declined do_not_honor do_not_try_again generic_decline no_action_taken pin_try_exceeded
        duplicate_transaction revocation_of_all_authorizations revocation_of_authorization stop_payment_order
        CAPTURE_DECLINED CAPTURE_FAILED INSTRUMENT_DECLINED REDIRECT_PAYER_FOR_ALTERNATE_FUNDING TRANSACTION_REFUSED
    """,
}
CATEGORIES = {code: category for category, codes in _CODES.items() for code in codes.split()}

_PLAIN = Words(
    {
        "en": "Your bank declined this payment and does not say why. You can use another card, or ask your bank.",
        "es": "Tu banco rechazó este pago y no dice por qué. Puedes usar otra tarjeta o preguntar a tu banco.",
    },
    retry=False,
)

WORDS = {
    _C.INSUFFICIENT_FUNDS: Words(
        {
            "en": "There is not enough money or credit on this card. You can use another card.",
            "es": "Esta tarjeta no tiene saldo o crédito suficiente. Puedes usar otra tarjeta.",
        },
        retry=False,
    ),
    _C.CARD_EXPIRED: Words(
        {
            "en": "This card has expired. You can use another card.",
            "es": "Esta tarjeta está vencida. Puedes usar otra tarjeta.",
        },
        retry=False,
    ),
    _C.CARD_INCORRECT: Words(
        {
            "en": "Something in the card details is not right. Check the number, date and security code.",
            "es": "Hay un error en los datos de la tarjeta. Revisa el número, la fecha y el código de seguridad.",
        },
        retry=True,
    ),
    _C.AUTHENTICATION: Words(
        {
            "en": "Your bank wanted you to confirm the payment and that did not work. You can try again.",
            "es": "Tu banco pidió que confirmaras el pago y no se completó. Puedes intentarlo de nuevo.",
        },
        retry=True,
    ),
    _C.PROCESSING: Words(
        {
            "en": "The bank could not process the payment just now. Please try again in a moment.",
            "es": "El banco no pudo procesar el pago en este momento. Inténtalo de nuevo en un momento.",
        },
        retry=True,
    ),
    _C.NOT_SUPPORTED: Words(
        {
            "en": "This card cannot be used for this purchase. You can use another card.",
            "es": "Esta tarjeta no sirve para esta compra. Puedes usar otra tarjeta.",
        },
        retry=False,
    ),
    _C.ACCOUNT: Words(
        {
            "en": "The payment provider does not let you pay with this account just now. You can use another way to pay.",
            "es": "El proveedor de pagos no te deja pagar con esta cuenta por ahora. Puedes pagar con una tarjeta.",
        },
        retry=False,
    ),
    _C.FRAUD: _PLAIN,
    _C.DO_NOT_HONOR: _PLAIN,
    _C.OTHER: _PLAIN,
}


ADVICE = {  # Stripe's advice_code (https://docs.stripe.com/declines/codes#retrying-issuer-declines)
    "try_again_later": Words(
        {
            "en": "The bank says that the same card may work a little later.",
            "es": "El banco dice que la misma tarjeta puede funcionar un poco más tarde.",
        },
        retry=True,
    ),
    "do_not_try_again": Words(
        {
            "en": "The bank says that this card will not work here, however often it is tried.",
            "es": "El banco dice que esta tarjeta no va a funcionar aquí, por más que se intente.",
        },
        retry=False,
    ),
    "confirm_card_data": Words(
        {
            "en": "The bank asks you to check the card's number, date and security code and to try again.",
            "es": "El banco te pide que revises el número, la fecha y el código de la tarjeta y lo intentes de nuevo.",
        },
        retry=True,
    ),
}


def categorise(code: str) -> DeclineCategory:
    """The category of a gateway's decline code; unknown ones are `other`."""
    return CATEGORIES.get(code, DeclineCategory.OTHER)


def explain(category: str, locale: str, *, advice: str | None = None) -> tuple[str, bool]:
    """The sentences for the buyer in this language, and whether the same card may work on another try."""
    words = WORDS[DeclineCategory(category)]
    advised = ADVICE.get(advice or "")
    if advised is None or category == DeclineCategory.FRAUD:  # a thief reads nothing that others would not read
        return words.text[locale], words.retry
    return f"{words.text[locale]} {advised.text[locale]}", advised.retry


def is_of(event: GatewayEvent, payment: Payment) -> bool:
    """Whether an event of an order speaks of this attempt to pay it."""
    if event.payment_id is not None:
        return payment.id == event.payment_id
    known = (payment.checkout_ref, payment.payment_ref)
    return any(ref is not None and ref in known for ref in (event.checkout_ref, event.payment_ref))


def is_new_approval(event: GatewayEvent, payment: Payment) -> bool:
    """Whether the buyer agrees to a capture that was not asked for yet.

    After a declined one the object still says "approved", so only an event of its own tells of another approval.
    """
    if payment.captures == 0 or payment.approved_at is None:
        return True
    is_another = event.occurred_at == payment.approved_at and event.event_id != payment.approval
    return event.type != OBJECT and (event.occurred_at > payment.approved_at or is_another)


def is_of_earlier_capture(event: GatewayEvent, payment: Payment) -> bool:
    """Whether a decline happened before the approval of the capture that is under way now; both by the gateway's clock."""
    if event.type == OBJECT or payment.captures <= 1 or payment.approved_at is None:
        return False
    return event.occurred_at < payment.approved_at


def cause_of(event: GatewayEvent) -> str:
    """What the history says moved an order."""
    return f"{event.provider} {event.type} {event.event_id}"


def money_of(payment: Payment) -> Moved:
    """The payment as the books see it."""
    return Moved(payment.id, payment.provider, payment.amount, payment.paid_at or payment.updated_at)

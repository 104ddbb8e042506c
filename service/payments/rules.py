"""Decline codes into words: a category for the metrics, a sentence for the buyer, and whether trying again can help.

The codes are the gateway's (https://docs.stripe.com/declines/codes). What may tell a thief something (lost, stolen, fraud)
is shown to the buyer as a plain decline.
"""

from dataclasses import dataclass
from enum import StrEnum


class DeclineCategory(StrEnum):
    INSUFFICIENT_FUNDS = "insufficient_funds"
    CARD_EXPIRED = "card_expired"
    CARD_INCORRECT = "card_incorrect"
    AUTHENTICATION = "authentication"
    FRAUD = "fraud"
    PROCESSING = "processing"
    DO_NOT_HONOR = "do_not_honor"
    OTHER = "other"


@dataclass(frozen=True)
class Words:
    """What the buyer reads, by language, and whether the same card may work on another try."""

    text: dict[str, str]
    retry: bool


_C = DeclineCategory

CATEGORIES = {
    "insufficient_funds": _C.INSUFFICIENT_FUNDS,
    "card_velocity_exceeded": _C.INSUFFICIENT_FUNDS,
    "withdrawal_count_limit_exceeded": _C.INSUFFICIENT_FUNDS,
    "expired_card": _C.CARD_EXPIRED,
    "incorrect_cvc": _C.CARD_INCORRECT,
    "invalid_cvc": _C.CARD_INCORRECT,
    "incorrect_number": _C.CARD_INCORRECT,
    "invalid_number": _C.CARD_INCORRECT,
    "incorrect_zip": _C.CARD_INCORRECT,
    "invalid_expiry_month": _C.CARD_INCORRECT,
    "invalid_expiry_year": _C.CARD_INCORRECT,
    "authentication_required": _C.AUTHENTICATION,
    "payment_intent_authentication_failure": _C.AUTHENTICATION,
    "fraudulent": _C.FRAUD,
    "lost_card": _C.FRAUD,
    "stolen_card": _C.FRAUD,
    "pickup_card": _C.FRAUD,
    "merchant_blacklist": _C.FRAUD,
    "highest_risk_level": _C.FRAUD,
    "processing_error": _C.PROCESSING,
    "issuer_not_available": _C.PROCESSING,
    "reenter_transaction": _C.PROCESSING,
    "try_again_later": _C.PROCESSING,
    "generic_decline": _C.DO_NOT_HONOR,
    "card_declined": _C.DO_NOT_HONOR,
    "do_not_honor": _C.DO_NOT_HONOR,
    "call_issuer": _C.DO_NOT_HONOR,
}

_PLAIN = Words(
    {
        "en": "Your bank declined this card and does not say why. You can use another card, or ask your bank.",
        "es": "Tu banco rechazó esta tarjeta y no dice por qué. Puedes usar otra tarjeta o preguntar a tu banco.",
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
    _C.FRAUD: _PLAIN,
    _C.DO_NOT_HONOR: _PLAIN,
    _C.OTHER: _PLAIN,
}


def categorise(code: str) -> DeclineCategory:
    """The category of a gateway's decline code; unknown ones are `other`."""
    return CATEGORIES.get(code, DeclineCategory.OTHER)


def explain(category: str, locale: str) -> tuple[str, bool]:
    """The sentence for the buyer in this language, and whether the same card may work on another try."""
    words = WORDS[DeclineCategory(category)]
    return words.text[locale], words.retry

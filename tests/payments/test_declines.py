"""Declines in words: every code the gateways publish has a category, and what the bank advises is told."""

import pytest

from service.payments.rules import ADVICE, CATEGORIES, DeclineCategory, categorise, explain

# https://docs.stripe.com/declines/codes, the whole table
STRIPE = [
    "authentication_required",
    "approve_with_id",
    "call_issuer",
    "card_not_supported",
    "card_velocity_exceeded",
    "currency_not_supported",
    "do_not_honor",
    "do_not_try_again",
    "duplicate_transaction",
    "expired_card",
    "fraudulent",
    "generic_decline",
    "incorrect_address",
    "incorrect_cvc",
    "incorrect_number",
    "incorrect_pin",
    "incorrect_zip",
    "insufficient_funds",
    "invalid_account",
    "invalid_amount",
    "invalid_cvc",
    "invalid_expiry_month",
    "invalid_expiry_year",
    "invalid_number",
    "invalid_pin",
    "issuer_not_available",
    "lost_card",
    "merchant_blacklist",
    "mobile_device_authentication_required",
    "new_account_information_available",
    "no_action_taken",
    "not_permitted",
    "offline_pin_required",
    "online_or_offline_pin_required",
    "pickup_card",
    "pin_try_exceeded",
    "processing_error",
    "reenter_transaction",
    "restricted_card",
    "revocation_of_all_authorizations",
    "revocation_of_authorization",
    "security_violation",
    "service_not_allowed",
    "stolen_card",
    "stop_payment_order",
    "test_mode_live_card",
    "testmode_decline",
    "transaction_not_allowed",
    "try_again_later",
    "withdrawal_count_limit_exceeded",
]
# What a capture of an approved order may answer that is the buyer's to mend:
# https://developer.paypal.com/api/rest/reference/orders/v2/errors/
PAYPAL = [
    "CARD_CLOSED",
    "CARD_EXPIRED",
    "COMPLIANCE_VIOLATION",
    "DOMESTIC_TRANSACTION_REQUIRED",
    "INSTRUMENT_DECLINED",
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED",
    "PAYEE_BLOCKED_TRANSACTION",
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED",
    "PAYER_ACCOUNT_RESTRICTED",
    "PAYER_ACTION_REQUIRED",
    "PAYER_CANNOT_PAY",
    "PAYER_COUNTRY_NOT_SUPPORTED",
    "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING",
    "TRANSACTION_BLOCKED_BY_PAYEE",
    "TRANSACTION_LIMIT_EXCEEDED",
    "TRANSACTION_REFUSED",
]
SUSPECT = {code for code, category in CATEGORIES.items() if category is DeclineCategory.FRAUD}


@pytest.mark.parametrize("code", [*STRIPE, *PAYPAL])
def test_every_published_code_has_a_category(code):
    """`other` is for what the gateways invent tomorrow."""
    assert categorise(code) is not DeclineCategory.OTHER


def test_a_code_nobody_knows_is_a_plain_decline():
    """The buyer reads a sentence and may take another card."""
    assert DeclineCategory.OTHER is categorise("invented_tomorrow")
    assert explain("other", "en") == explain("do_not_honor", "en")


@pytest.mark.parametrize(
    ("advice", "retry", "words"),
    [
        ("try_again_later", True, "may work a little later"),
        ("do_not_try_again", False, "will not work here"),
        ("confirm_card_data", True, "check the card's number"),
        ("invented_tomorrow", False, "ask your bank"),
        (None, False, "ask your bank"),
    ],
)
def test_the_banks_advice_has_the_last_word(advice, retry, words):
    """Whether another try can help is the bank's to say, where it says so."""
    text, may_retry = explain("do_not_honor", "en", advice=advice)

    assert retry is may_retry
    assert words in text


@pytest.mark.parametrize("code", sorted(SUSPECT))
@pytest.mark.parametrize("advice", [None, *ADVICE])
def test_a_thief_reads_what_everybody_reads(code, advice):
    """Lost, stolen and suspected cards are told as a plain decline, whatever the bank advises."""
    assert explain("do_not_honor", "es") == explain(categorise(code), "es", advice=advice)


def test_every_advice_is_there_in_both_languages():
    """As every category is."""
    assert {"en", "es"} == {language for words in ADVICE.values() for language in words.text}

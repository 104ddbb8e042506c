"""Identifiers that look like the gateway's: a prefix and base-62 letters from the operating system's randomness."""

import os

_DIGITS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# 256 bytes fold onto 62 letters; the slight bias is harmless in a stand-in and the translation is one C call.
_LETTERS = bytes(_DIGITS[byte % len(_DIGITS)] for byte in range(256))

# (prefix, letters after it), as seen on the gateway's own objects
_SHAPES = {
    "checkout.session": ("cs_test_a1", 58),
    "payment_intent": ("pi_3", 23),
    "charge": ("ch_3", 23),
    "refund": ("re_3", 23),
    "balance_transaction": ("txn_3", 23),
    "dispute": ("du_1", 23),
    "payout": ("po_1", 23),
    "bank_account": ("ba_1", 23),
    "payment_method": ("pm_1", 23),
    "event": ("evt_1", 23),
    "item": ("li_1", 23),
    "price": ("price_1", 23),
    "product": ("prod_", 14),
    "request": ("req_", 14),
    "delivery": ("dl_", 16),
    "webhook_endpoint": ("we_1", 23),
}


def letters(count: int) -> str:
    return os.urandom(count).translate(_LETTERS).decode()


def new_id(kind: str) -> str:
    prefix, count = _SHAPES[kind]
    return prefix + letters(count)

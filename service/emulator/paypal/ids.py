"""Identifiers that look like the vendor's: capital letters and digits from the operating system's randomness."""

import os
import uuid

_SIGNS = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # 32 of them, so that a byte folds onto them without bias
_FOLDED = bytes(_SIGNS[byte % len(_SIGNS)] for byte in range(256))
LONG = 17  # orders, captures and refunds alike
SHORT = 13  # people and accounts


def signs(count: int = LONG) -> str:
    return os.urandom(count).translate(_FOLDED).decode()


def event_id() -> str:
    return f"WH-{signs()}-{signs()}"


def dispute_id() -> str:
    return f"PP-D-{int.from_bytes(os.urandom(4)):010d}"


def debug_id() -> str:
    return "f" + os.urandom(6).hex()


def transmission_id() -> str:
    return str(uuid.uuid4())


def token() -> str:
    return "A21AA" + os.urandom(45).hex()

"""Closed sets of what our guards decide; part of `labels`, which is full."""

from enum import StrEnum


class AccessOutcome(StrEnum):
    """How the guard decided about a request that needs a permission, or shows a credential where it could."""

    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"
    NONE = "none"  # no credential at all
    MALFORMED = "malformed"
    UNKNOWN = "unknown"  # no such key, or another secret
    WRONG_ENVIRONMENT = "wrong_environment"
    EXPIRED = "expired"
    REVOKED = "revoked"
    WRONG_NETWORK = "wrong_network"
    BAD_SIGNATURE = "bad_signature"
    REPLAYED = "replayed"

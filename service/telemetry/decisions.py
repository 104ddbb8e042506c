"""Closed sets of what our guards decide; part of `labels`, which is full."""

from enum import StrEnum


class LimitZone(StrEnum):
    """Groups of end points that share a rate limit."""

    CATALOG = "catalog"
    CHECKOUT = "checkout"
    ORDERS = "orders"
    ORDER_LINK = "order_link"
    API = "api"  # everything else that needs a permission
    PAGES = "pages"
    FORMS = "forms"
    FILES = "files"
    BEACON = "beacon"
    SIGN_IN = "sign_in"
    CREDENTIALS = "credentials"  # failed ones
    WEBHOOKS = "webhooks"  # unverified ones


class LimitVerdict(StrEnum):
    ALLOWED = "allowed"
    LIMITED = "limited"
    CHARGED = "charged"  # a failure, in the zones that count nothing else


class Shed(StrEnum):
    """What is sent away while load is shed; a route in one of them says so in its `opt`."""

    PAGES = "pages"  # of the store, before somebody buys
    CATALOG = "catalog"
    BEACON = "beacon"
    CHECKOUT = "checkout"  # a new one of somebody who holds no open order


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
    UNFINISHED = "unfinished"  # a sign-in whose second factor is missing


class SignInOutcome(StrEnum):
    """How one step of a person's sign-in ended."""

    SIGNED_IN = "signed_in"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the outcome; also an unknown address, and somebody who is disabled
    WRONG_CODE = "wrong_code"
    REPLAYED_CODE = "replayed_code"
    LOCKED = "locked"  # not even looked at
    REFUSED = "refused"  # by what the issuer says, or by what it may not say here
    ISSUER_AWAY = "issuer_away"

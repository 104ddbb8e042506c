"""What a single setting must look like, and what an issuer asks of the others; `settings.py` has the settings themselves.

A check raises ValueError with a sentence that never quotes a secret.
"""

import re
from collections.abc import Mapping
from email.utils import parseaddr
from ipaddress import ip_network
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, SecretStr, ValidationInfo, field_validator

SHORTEST_KEY = 32  # characters
STAFF_ROLES = ("support", "finance", "on_call", "developer", "auditor", "admin")  # a test compares them with the table
# Who speaks: our loggers, which a test compares with the code, and the libraries that say something.
LOG_AREAS = (
    *("audit", "breaker", "cases", "completion", "dispatch", "figures", "health", "http", "inbox", "keeping", "limits"),
    *("metrics", "oidc", "paypal", "recovery", "refunds", "repeat", "settlements", "signin", "synthetic", "tracing"),
    *("webhooks", "worker"),
)
LOG_LIBRARIES = ("alembic", "httpx", "litestar", "psycopg", "sqlalchemy", "stripe", "uvicorn")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_NO = ("false", "0", "no", "off", "f", "n")

_SCHEMES = {
    "database_url": ("postgresql://", "postgres://"),
    "smtp_url": ("smtp://", "smtps://"),
    "redis_url": ("redis://", "rediss://"),
}


class Checks(BaseModel):
    """The checks, by the names of the fields that `Settings` has."""

    @field_validator("providers", "secret_keys", check_fields=False)
    @classmethod
    def _present(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not value:
            raise ValueError("at least one is needed")
        return value

    @field_validator("secret_keys", check_fields=False)
    @classmethod
    def _long_enough(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(key.get_secret_value()) < SHORTEST_KEY for key in value):
            raise ValueError(f"each key needs {SHORTEST_KEY} characters or more")
        return value

    @field_validator(*_SCHEMES, check_fields=False)
    @classmethod
    def _is_address(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        schemes = _SCHEMES[str(info.field_name)]
        if not value.get_secret_value().startswith(schemes):
            raise ValueError(f"an address that starts with {' or '.join(schemes)} is needed")
        if not _split_url(value.get_secret_value()).hostname:
            raise ValueError("the address names no host")
        return value

    @field_validator("public_url", "synthetic_url", "stripe_base_url", "paypal_base_url", check_fields=False)
    @classmethod
    def _is_url(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("an http:// or https:// address is needed")
        if value and not _split_url(value).hostname:
            raise ValueError("the address names no host")
        return value.rstrip("/")

    @field_validator("mail_from", "help_email", check_fields=False)
    @classmethod
    def _is_mail_address(cls, value: str) -> str:
        name, _, host = parseaddr(value)[1].rpartition("@")
        if not name or not host:
            raise ValueError("an e-mail address is needed")
        return value

    @field_validator("oidc_issuer", check_fields=False)
    @classmethod
    def _is_issuer(cls, value: str) -> str:
        """Kept as it is, with or without a slash at its end: it must be the same in every token."""
        parts = _split_url(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment):
            raise ValueError("an http:// or https:// address without ? and # is needed")
        return value

    @field_validator("oidc_roles", check_fields=False)
    @classmethod
    def _are_roles(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            said, _, role = each.rpartition("=")
            if not said.strip() or role.strip() not in STAFF_ROLES:
                raise ValueError(f"{each}: VALUE=role is needed, the role one of {', '.join(STAFF_ROLES)}")
        return value

    @field_validator("webhook_networks", check_fields=False)
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            provider, _, network = each.partition("=")
            if not provider.isidentifier():
                raise ValueError(f"{each}: provider=network is needed, like stripe=192.0.2.0/24")
            ip_network(network)  # its own ValueError says what is wrong
        return value

    @field_validator("log_levels", check_fields=False)
    @classmethod
    def _are_levels(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            area, _, level = each.partition("=")
            if level.upper() not in _LEVELS:
                raise ValueError(f"{each}: area=level is needed, the level one of {', '.join(_LEVELS)}")
            if area not in LOG_AREAS and area.partition(".")[0] not in LOG_LIBRARIES:
                known = ", ".join((*LOG_AREAS, *LOG_LIBRARIES))
                raise ValueError(f"{each}: nobody speaks as {area}; there are {known}")
        return value

    @field_validator("fee_prices", check_fields=False)
    @classmethod
    def _are_prices(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            if not re.fullmatch(r"[a-z_][a-z0-9_]*=[0-9]{1,4}[+][0-9]{1,6}", each):
                raise ValueError(f"{each}: provider=basis points+minor units is needed, like stripe=290+30")
        return value

    @field_validator("slowed_percent", check_fields=False)
    @classmethod
    def _is_tried_out(cls, value: int, info: ValidationInfo) -> int:
        if value and info.data.get("environment") != "development":
            raise ValueError("only in development: it makes checkout slower on purpose")
        return value


def unfit_issuer(given: Mapping[str, str], *, outside: bool) -> list[str]:
    """What an issuer needs beside it, and what needs an issuer; `outside` of development."""
    issuer = given.get("oidc_issuer", "")
    needed = ("oidc_client_id", "oidc_client_secret", "oidc_roles") if issuer else ()
    problems = [f"CUBANO_{name.upper()} is required beside an issuer" for name in needed if not given.get(name)]
    if issuer.startswith("http://") and outside:
        problems.append("CUBANO_OIDC_ISSUER must be https:// outside development")
    if not issuer and given.get("staff_passwords", "").strip().lower() in _NO:
        problems.append("CUBANO_STAFF_PASSWORDS may be off only beside CUBANO_OIDC_ISSUER: nobody could sign in")
    return problems


def is_loopback(url: str) -> bool:
    """Whether the address is on this machine; one that cannot be read is not."""
    try:
        return _split_url(url).hostname in {"127.0.0.1", "::1", "localhost"}
    except ValueError:
        return False


def _split_url(url: str) -> SplitResult:
    """The parts of an address; what the parser says of a broken one might quote a password."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - looked at here, because it is read late and raises
    except ValueError:
        raise ValueError("the address cannot be read") from None
    return parts

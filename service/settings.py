"""One typed `Settings`, read once in the root and passed down; never imported as a global.

`load_settings()` reads `CUBANO_*` from the environment and raises `SettingsError` with one list of every problem:
unknown names, missing secrets, values out of range, and outside development what was left at a default that only fits
there. `make docs` writes `.env.example` from this file; to add a setting, add a field with its help here, and what a
value must look like to `settings_checks.py`.
"""

import os
import re
from base64 import b64decode
from collections.abc import Mapping
from decimal import Decimal
from email.utils import parseaddr
from hashlib import sha256
from typing import Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
)

from service.settings_checks import Checks, is_loopback, unfit_issuer

PREFIX = "CUBANO_"
# Read by other programs of this project, not by `serve` and `work`.
FOREIGN = ("CUBANO_EMULATOR_", "CUBANO_LOCAL_", "CUBANO_RESPOND", "CUBANO_TEST_", "CUBANO_BENCH_")

Secrets = tuple[SecretStr, ...]

_MASTER_KEY = re.compile(r"([a-z0-9][a-z0-9-]{0,30}):([A-Za-z0-9+/]{43}=)", re.ASCII)
_LISTS = (
    "secret_keys",
    "vault_keys",
    "providers",
    "stripe_webhook_secrets",
    "paypal_webhook_ids",
    "webhook_networks",
    "oidc_roles",
    "fee_prices",
    "log_levels",
)
OWN_PROVIDERS = ("stripe", "paypal", "manual")
_NEEDED = {  # by provider
    "stripe": ("stripe_api_key", "stripe_webhook_secrets"),
    "paypal": ("paypal_client_id", "paypal_client_secret", "paypal_webhook_ids"),
}
_STAND_INS = ("stripe_base_url", "paypal_base_url", "paypal_ca_file")
_MAIL_ADDRESSES = ("mail_from", "help_email")
_OUTSIDE = ("staging", "production")


class SettingsError(Exception):
    """Every problem with the settings, one a line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(Checks):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    environment: Literal["development", "staging", "production"] = Field(
        "development", description="Which environment this is."
    )
    database_url: SecretStr = Field(description="PostgreSQL 14 or newer: postgresql://user:password@host:port/name")
    database_pool_size: int = Field(10, ge=1, le=100, description="Connections a process keeps for its transactions.")
    secret_keys: Secrets = Field(
        description="Comma separated, 32 characters or more each; the first signs, all are accepted."
    )
    vault_keys: Secrets = Field(
        (),
        description="Master keys of personal data, comma separated id:key, 32 bytes in base64; the first seals, all open.",
    )
    public_url: str = Field(
        "http://127.0.0.1:8000", description="Where customers reach the store; no slash at the end."
    )
    providers: tuple[str, ...] = Field(
        ("stripe",), description="Payment providers, comma separated, the first choice first: stripe, paypal, manual."
    )
    stripe_api_key: SecretStr = Field(SecretStr(""), description="Stripe secret key (sk_test_… or sk_live_…).")
    stripe_webhook_secrets: Secrets = Field(
        (), description="Comma separated signing secrets of the webhook endpoint; several while one is being rotated."
    )
    stripe_base_url: str = Field("", description="Empty means the real Stripe; the emulator's address in development.")
    paypal_client_id: str = Field("", description="Client id of the PayPal application.")
    paypal_client_secret: SecretStr = Field(SecretStr(""), description="Secret of the PayPal application.")
    paypal_webhook_ids: tuple[str, ...] = Field(
        (), description="Comma separated ids of the PayPal webhook (WH-…); several while one replaces another."
    )
    paypal_base_url: str = Field(
        "", description="Empty means the real PayPal, or its sandbox outside production; the emulator in development."
    )
    paypal_ca_file: str = Field(
        "", description="PEM file of the authority that signs the emulator's event certificates; development only."
    )
    gateway_timeout_s: int = Field(
        4, ge=1, le=9, description="Seconds one request to the gateway may take; the buyer's answer is due after nine."
    )
    gateway_rate: int = Field(
        25, ge=1, le=100_000, description="Calls a second to each end point of a provider, from each process."
    )
    gateway_healthy_s: int = Field(
        60, ge=1, le=3600, description="Seconds a provider that was away must be well before it gets checkouts again."
    )
    fee_prices: tuple[str, ...] = Field(
        ("stripe=290+30", "paypal=299+49"),
        description="What providers take of a payment, comma separated provider=basis points+minor units.",
    )
    fee_tolerance: int = Field(
        1, ge=0, le=10_000, description="Minor units a provider's fee may differ from its price."
    )
    trusted_hops: int = Field(
        0, ge=0, le=8, description="How many proxies of ours stand before `serve` and add to X-Forwarded-For."
    )
    webhook_networks: tuple[str, ...] = Field(
        (),
        description="Comma separated provider=network: where its webhooks may come from; a provider not named: anywhere.",
    )
    rate_limits: Decimal = Field(
        Decimal(1),
        ge=0,
        le=1_000_000,
        description="All rate limits times this; 0 switches them off. 1 fits a crowd behind one address.",
    )
    redis_url: SecretStr = Field(
        SecretStr(""),
        description="Where all processes share the rate limits, redis://…; empty: each counts for itself.",
    )
    staff_idle_minutes: int = Field(
        30, ge=1, le=1440, description="A session of staff that nobody uses ends after so many minutes."
    )
    staff_session_hours: int = Field(
        12, ge=1, le=168, description="Every session of staff ends so many hours after the sign-in."
    )
    staff_passwords: bool = Field(
        default=True, description="Whether staff may sign in with a password; false only beside an issuer."
    )
    oidc_issuer: str = Field("", description="OpenID Connect issuer staff may sign in with; empty: none.")
    oidc_client_id: str = Field("", description="Who we are at the issuer.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="Our secret at the issuer.")
    oidc_role_claim: str = Field("groups", description="Claim of the issuer's ID token that decides about the role.")
    oidc_roles: tuple[str, ...] = Field(
        (), description="Comma separated VALUE=role: what the claim says and the role it makes; the first that fits."
    )
    hold_seconds: int = Field(600, ge=1, le=1500, description="How long unpaid tickets stay reserved for a customer.")
    smtp_url: SecretStr = Field(
        SecretStr("smtp://127.0.0.1:1025"),
        description="smtps://user:password@host:port, TLS from the start; smtp:// where nothing secret is sent.",
    )
    mail_from: str = Field(
        "A Lo Cubano Boulder Fest <tickets@alocubano.example>", description="Sender of the customers' mail."
    )
    help_email: str = Field("help@alocubano.example", description="Where customers are told to write.")
    synthetic_every_s: int = Field(
        0, ge=0, le=3600, description="Seconds between two purchases of the synthetic buyer; 0: none. `cubano up`: 60."
    )
    synthetic_url: str = Field(
        "", description="Where the synthetic buyer finds the store, if not where customers do; no slash at the end."
    )
    beacon_sample: Decimal = Field(
        Decimal("0.1"), ge=0, le=1, description="Share of page views whose timing a browser tells; 0: none."
    )
    serve_host: str = Field("127.0.0.1", description="Address `cubano serve` listens on.")
    serve_port: int = Field(8000, ge=0, le=65535, description="Port `cubano serve` listens on.")
    metrics_host: str = Field("127.0.0.1", description="Address the metrics and health ports listen on.")
    serve_metrics_port: int = Field(9101, ge=0, le=65535, description="Metrics port of `cubano serve`.")
    work_metrics_port: int = Field(9102, ge=0, le=65535, description="Metrics and health port of `cubano work`.")
    log_format: Literal["json", "console"] = Field("json", description="json for machines, console for people.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")
    log_levels: tuple[str, ...] = Field(
        (), description="Other least levels, comma separated area=level: http=WARNING,worker=DEBUG."
    )
    slowed_percent: int = Field(0, ge=0, le=1000, description="Makes checkout slower, to try out `cubano load`.")

    _others: dict[str, SecretStr] = PrivateAttr(default_factory=dict)  # of providers that are not ours

    def model_post_init(self, context: Any) -> None:
        self._others = dict(context or {})

    @field_validator(*_LISTS, mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("vault_keys")
    @classmethod
    def _are_master_keys(cls, value: Secrets) -> Secrets:
        if len(_master_keys(value)) < len(value):
            raise ValueError("each has the form id:key, 32 bytes in base64, and an id of its own")
        return value

    def options_of(self, provider: str) -> dict[str, Any]:
        """What stands in the settings for one provider, without its name; of others' providers as plain secrets."""
        start = f"{provider}_"
        own = {
            name.removeprefix(start): getattr(self, name) for name in type(self).model_fields if name.startswith(start)
        }
        return own | {name.removeprefix(start): value for name, value in self._others.items() if name.startswith(start)}

    @property
    def master_keys(self) -> dict[str, bytes]:
        """What seals personal data, by id; in development, where none need be given, made of the first secret key."""
        made = sha256(b"vault:" + self.secret_keys[0].get_secret_value().encode()).digest()
        return _master_keys(self.vault_keys) or {f"development-{sha256(made).hexdigest()[:8]}": made}

    @property
    def livemode(self) -> bool:
        """Whether events of the gateway's live mode are ours."""
        return self.environment == "production"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process; `SettingsError` lists every problem at once."""
    source = os.environ if environ is None else environ
    given = {name[len(PREFIX) :].lower(): text for name, text in source.items() if name.startswith(PREFIX)}
    values = {name: text for name, text in given.items() if text.strip()}  # empty is absent, as in .env.example
    strange = [name for name in sorted(given) if name not in Settings.model_fields]
    others = {name: SecretStr(given[name]) for name in strange if name.startswith(_starts_of_others(given))}
    problems = [
        f"{PREFIX}{name.upper()} is not a setting of Cubano"
        for name in strange
        if name not in others and not f"{PREFIX}{name.upper()}".startswith(FOREIGN)
    ]
    try:
        settings = Settings.model_validate(values, context=others)
    except ValidationError as error:
        problems += [_sentence(each["loc"][0], each["msg"]) for each in error.errors() if each["loc"]]
    problems += _misfits(values)
    if problems:
        raise SettingsError(problems)
    return settings


def _starts_of_others(given: Mapping[str, str]) -> tuple[str, ...]:
    """How the settings of somebody else's providers begin: what a package of theirs needs is not ours to know."""
    return tuple(f"{name}_" for name in _providers(given) if name not in OWN_PROVIDERS)


def _providers(given: Mapping[str, str]) -> list[str]:
    chosen = [name.strip() for name in given.get("providers", "").split(",") if name.strip()]
    return chosen or list(Settings.model_fields["providers"].default)


def _misfits(given: Mapping[str, str]) -> list[str]:
    """What is right by itself but not together; asked even when single fields are wrong, so that one list has it all."""
    environment = given.get("environment", "development")
    key, public_url = given.get("stripe_api_key", ""), given.get("public_url", "")
    live = key.startswith(("sk_live_", "rk_live_"))
    problems = _unfit_outside(given) if environment in _OUTSIDE else []
    needed = [name for provider in _providers(given) for name in _NEEDED.get(provider, ())]
    problems += [f"{PREFIX}{name.upper()} is required" for name in needed if not given.get(name, "").strip(", ")]
    problems += unfit_issuer(given, outside=environment in _OUTSIDE)
    if environment == "production" and key and not live:
        problems.append("CUBANO_STRIPE_API_KEY is a test key; production needs a live one")
    if environment != "production" and live:
        problems.append("CUBANO_STRIPE_API_KEY is a live key; only production may hold one")
    rehearsed = environment == "staging" and is_loopback(public_url)  # nothing leaves the machine
    if environment in _OUTSIDE and not public_url.startswith("https://") and not rehearsed:
        problems.append(f"CUBANO_PUBLIC_URL must be https:// in {environment}")
    return problems


def _unfit_outside(given: Mapping[str, str]) -> list[str]:
    """What fits a development machine only: a stand-in, a mail box on this machine, addresses that nobody reads."""
    problems = []
    smtp_url = given.get("smtp_url", "")
    if not given.get("vault_keys", "").strip(", "):
        problems.append("CUBANO_VAULT_KEYS must be set outside development")
    problems += [
        f"{PREFIX}{name.upper()} must be empty outside development: it names a stand-in"
        for name in _STAND_INS
        if given.get(name)
    ]
    if not smtp_url:
        problems.append("CUBANO_SMTP_URL must be set outside development")
    elif smtp_url.startswith("smtp://") and "@" in smtp_url:
        problems.append("CUBANO_SMTP_URL must be smtps:// outside development when it holds a password")
    for name in _MAIL_ADDRESSES:
        address = parseaddr(given.get(name, ""))[1]
        if not address or address.lower().endswith(".example"):
            problems.append(f"{PREFIX}{name.upper()} must be set outside development, to an address that is read")
    return problems


def _master_keys(given: Secrets) -> dict[str, bytes]:
    """Those that are well formed, by id."""
    found = [_MASTER_KEY.fullmatch(each.get_secret_value()) for each in given]
    return {each[1]: b64decode(each[2]) for each in found if each}


def _sentence(field: int | str, message: str) -> str:
    name, text = f"{PREFIX}{str(field).upper()}", message.removeprefix("Value error, ")
    return f"{name} is required" if text == "Field required" else f"{name}: {text}"

"""One typed `Settings`, read once in the root and passed down; never imported as a global.

`load_settings()` reads `CUBANO_*` from the environment and raises `SettingsError` with one list of every problem:
unknown names, missing secrets, values out of range. `.env.example` is generated from this file by `make docs`; to add a
setting, add a field with its help here.
"""

import os
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

PREFIX = "CUBANO_"
# Read by other programs of this project, not by `serve` and `work`.
SHORTEST_KEY = 32  # characters
FOREIGN = ("CUBANO_EMULATOR_", "CUBANO_LOCAL_", "CUBANO_TEST_", "CUBANO_BENCH_")

Secrets = tuple[SecretStr, ...]


class SettingsError(Exception):
    """Every problem with the settings, one a line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    environment: Literal["development", "staging", "production"] = Field(
        "development", description="Which environment this is."
    )
    database_url: SecretStr = Field(description="PostgreSQL 14 or newer: postgresql://user:password@host:port/name")
    database_pool_size: int = Field(10, ge=1, le=100, description="Connections a process keeps for its transactions.")
    secret_keys: Secrets = Field(
        description="Comma separated, 32 characters or more each; the first signs order links, all are accepted."
    )
    public_url: str = Field(
        "http://127.0.0.1:8000", description="Where customers reach the store; no slash at the end."
    )
    stripe_api_key: SecretStr = Field(description="Stripe secret key (sk_test_… or sk_live_…).")
    stripe_webhook_secrets: Secrets = Field(
        description="Comma separated signing secrets of the webhook endpoint; several while one is being rotated."
    )
    stripe_base_url: str = Field("", description="Empty means the real Stripe; the emulator's address in development.")
    gateway_timeout_s: int = Field(4, ge=1, le=30, description="Seconds one request to the gateway may take.")
    hold_seconds: int = Field(600, ge=1, le=1500, description="How long unpaid tickets stay reserved for a customer.")
    smtp_url: SecretStr = Field(
        SecretStr("smtp://127.0.0.1:1025"),
        description="smtp://user:password@host:port; smtps:// for TLS from the start.",
    )
    mail_from: str = Field(
        "A Lo Cubano Boulder Fest <tickets@alocubano.example>", description="Sender of the customers' mail."
    )
    help_email: str = Field("help@alocubano.example", description="Where customers are told to write.")
    serve_host: str = Field("127.0.0.1", description="Address `cubano serve` listens on.")
    serve_port: int = Field(8000, ge=0, le=65535, description="Port `cubano serve` listens on.")
    metrics_host: str = Field("127.0.0.1", description="Address the metrics and health ports listen on.")
    serve_metrics_port: int = Field(9101, ge=0, le=65535, description="Metrics port of `cubano serve`.")
    work_metrics_port: int = Field(9102, ge=0, le=65535, description="Metrics and health port of `cubano work`.")
    log_format: Literal["json", "console"] = Field("json", description="json for machines, console for people.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")

    @field_validator("secret_keys", "stripe_webhook_secrets", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("stripe_webhook_secrets", "secret_keys")
    @classmethod
    def _present(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not value:
            raise ValueError("at least one is needed")
        return value

    @field_validator("secret_keys")
    @classmethod
    def _long_enough(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(key.get_secret_value()) < SHORTEST_KEY for key in value):
            raise ValueError(f"each key needs {SHORTEST_KEY} characters or more")
        return value

    @field_validator("public_url", "stripe_base_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("an http:// or https:// address is needed")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _fits_environment(self) -> "Settings":
        live = self.stripe_api_key.get_secret_value().startswith(("sk_live_", "rk_live_"))
        problems = []
        if self.environment != "development" and self.stripe_base_url:
            problems.append("CUBANO_STRIPE_BASE_URL must be empty outside development: it names a stand-in")
        if self.environment == "production" and not live:
            problems.append("CUBANO_STRIPE_API_KEY is a test key; production needs a live one")
        if self.environment != "production" and live:
            problems.append("CUBANO_STRIPE_API_KEY is a live key; only production may hold one")
        if self.environment == "production" and not self.public_url.startswith("https://"):
            problems.append("CUBANO_PUBLIC_URL must be https:// in production")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def livemode(self) -> bool:
        """Whether events of the gateway's live mode are ours."""
        return self.environment == "production"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process; `SettingsError` lists every problem at once."""
    source = os.environ if environ is None else environ
    values = {name[len(PREFIX) :].lower(): text for name, text in source.items() if name.startswith(PREFIX)}
    problems = [
        f"{PREFIX}{name.upper()} is not a setting of Cubano"
        for name in sorted(values)
        if name not in Settings.model_fields and not f"{PREFIX}{name.upper()}".startswith(FOREIGN)
    ]
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += [_sentence(each["loc"], each["msg"]) for each in error.errors()]
    if problems:
        raise SettingsError(problems)
    return settings


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ")
    if not location:
        return text
    text = "is required" if text == "Field required" else text
    return (
        f"{PREFIX}{str(location[0]).upper()} {text}"
        if text == "is required"
        else f"{PREFIX}{str(location[0]).upper()}: {text}"
    )

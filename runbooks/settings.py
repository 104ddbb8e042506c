"""The responder's settings: `CUBANO_RESPOND_*`, read once in its root.

Every problem is told at once, and no secret is quoted. Where an address is missing, what would be asked there is not known;
nothing else stops.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

PREFIX = "CUBANO_RESPOND_"
SHORTEST_TOKEN = 32  # characters
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?", re.ASCII)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class SettingsError(Exception):
    """Every problem with the settings, one a line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8300, ge=0, le=65535, description="Port of the pages, the API and Alertmanager's call.")
    metrics_host: str = Field("127.0.0.1", description="Address of /metrics.")
    metrics_port: int = Field(9103, ge=0, le=65535, description="Port of /metrics and /health.")
    state: Path = Field(Path(".cubano/respond"), description="Directory of the journal; on a disk of its own.")
    url: str = Field("", description="Where people and commands reach it; http://HOST:PORT otherwise.")
    token: SecretStr = Field(
        SecretStr(""), description="What Alertmanager sends as its bearer token; 32 characters or more."
    )
    token_file: Path | None = Field(
        None, description="Where it leaves TOKEN for an Alertmanager that shares this folder."
    )
    api_url: str = Field("", description="The service, for example http://127.0.0.1:8000.")
    api_key: SecretStr = Field(SecretStr(""), description="Its key of the operators' API: ops:read and ops:write.")
    prometheus_url: str = Field("", description="Prometheus; polled for alerts, asked for facts.")
    alertmanager_url: str = Field("", description="Alertmanager; for silences.")
    grafana_url: str = Field("", description="Where links to dashboards lead; none otherwise.")
    database_url: SecretStr = Field(SecretStr(""), description="PostgreSQL as the role of `cubano db responder`.")
    postgres_programs: str = Field("", description="Folder of initdb, pg_ctl and pg_restore; those on PATH otherwise.")
    backups: str = Field("", description="Folder of the backups that are tried; none otherwise.")
    certificates: str = Field(
        "", description="Public hosts whose certificates are watched, as shop.example,pay.example:8443; none otherwise."
    )
    scale: int = Field(1, ge=1, le=600, description="60 makes an hour a minute, as the rules of a drill are.")
    poll_s: float = Field(5, gt=0, le=60, description="Seconds between two looks at Prometheus.")
    schedule_hour: int = Field(
        16, ge=0, le=23, description="Hour, in UTC, of scheduled playbooks: people approve them."
    )
    sales: str = Field("", description="When sales open, as 2027-02-13T18:00:00Z, with commas between them.")
    log_format: Literal["json", "console"] = Field("json", description="How log lines are written.")
    dies_at: str = Field("", description="A drill's: the point of the engine where it dies once; development only.")
    environment: Literal["development", "staging", "production"] = Field("development", description="Which this is.")

    @field_validator("token")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < SHORTEST_TOKEN:
            raise ValueError(f"{SHORTEST_TOKEN} characters or more")
        return value

    @field_validator("url", "api_url", "prometheus_url", "alertmanager_url", "grafana_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("an address that starts with http:// or https://")
        return value.rstrip("/")

    @field_validator("certificates")
    @classmethod
    def _are_hosts(cls, value: str) -> str:
        if not all(map(_HOST.fullmatch, _parts(value))):
            raise ValueError(
                "names of hosts, each with its port if that is not 443, such as shop.example,pay.example:8443"
            )
        return value

    @field_validator("sales")
    @classmethod
    def _are_times(cls, value: str) -> str:
        if any(at.utcoffset() is None for at in _times(value)):
            raise ValueError("times with their zone, such as 2027-02-13T18:00:00Z")
        return value

    @property
    def hosts(self) -> tuple[str, ...]:
        """Whose certificates are watched."""
        return tuple(_parts(self.certificates))

    @property
    def sale_times(self) -> tuple[datetime, ...]:
        """When sales open."""
        return tuple(_times(self.sales))

    @property
    def address(self) -> str:
        return self.url or f"http://{self.host}:{self.port}"

    @property
    def is_private(self) -> bool:
        """Whether a token on its way to us is read by nobody: it stays on this machine (a container's port is published on its
        loopback), or is encrypted.
        """
        return self.host in _LOOPBACK or self.url.startswith("https://") or urlsplit(self.url).hostname in _LOOPBACK


def _times(text: str) -> Iterator[datetime]:
    """`ValueError` for what is no time."""
    yield from map(datetime.fromisoformat, _parts(text))


def _parts(text: str) -> Iterator[str]:
    yield from (each.strip() for each in text.split(",") if each.strip())


def load(environment: Mapping[str, str]) -> Settings:
    """From the environment; `SettingsError` names every variable that is unknown, missing or unfit."""
    given = {name.removeprefix(PREFIX).lower(): value for name, value in environment.items() if name.startswith(PREFIX)}
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        raise SettingsError([_sentence(each["loc"][0], each["msg"]) for each in error.errors()]) from None
    problems = []
    if settings.dies_at and settings.environment != "development":
        problems.append(f"{PREFIX}DIES_AT is for drills in development")
    if settings.environment != "development" and not settings.token.get_secret_value():
        problems.append(f"{PREFIX}TOKEN must be set outside development")
    if not settings.is_private:
        told = "must be https://, or this machine's loopback, when it listens beyond that: people sign in there"
        problems.append(f"{PREFIX}URL {told}")
    if problems:
        raise SettingsError(problems)
    return settings


def _sentence(field: int | str, message: str) -> str:
    text = message.removeprefix("Value error, ").replace("Extra inputs are not permitted", "no such setting")
    return f"{PREFIX}{str(field).upper()}: {text}"

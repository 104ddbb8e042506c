"""What the local system consists of: its processes, their settings and their addresses, as plain data.

`describe(state, ports, …)` decides everything that can be decided before anything runs; `bring_up` starts it in
order. To add a process: a port in ports.py, a child in `services` or `companions`, an address in `addresses`.
"""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import msgspec

from service.local import monitoring, people, responder
from service.local.cluster import server_environment
from service.local.health import http_ready, ready_when
from service.local.keys import RESPONDER, VARIABLE, as_variable
from service.local.ports import LOOPBACK
from service.local.postgres import DEATH_SIGNAL, STOP_SIGNAL, EmbeddedPostgres
from service.local.processes import Child
from service.local.state import State

OPTIONAL = ("emulate", "mail", "serve", "work", "responder", "prometheus", "alertmanager")

RESPOND = "CUBANO_RESPOND_"  # what the responder reads; `db seed` makes its role of it
_DATABASE = "cubano"
_ROLE = "cubano_responder"
_AUTHORITY = "paypal-ca.pem"  # of the stand-in, which writes it at each start
_DEFAULTS = {
    "CUBANO_MAIL_FROM": "A Lo Cubano Boulder Fest <tickets@alocubano.example>",
    "CUBANO_LOG_FORMAT": "console",
    "CUBANO_GATEWAY_HEALTHY_S": "10",  # who tries a fault out does not want to wait for a minute
    "CUBANO_PROVIDERS": "stripe,paypal,manual",
    "CUBANO_BEACON_SAMPLE": "1",
}


@dataclass(frozen=True)
class System:
    """One local system, described; `database` is None when the user's own server is used."""

    state: State
    ports: Mapping[str, int]
    without: frozenset[str]
    database: EmbeddedPostgres | None
    given_database_url: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)  # of this run, over the developer's own
    scale: int = 1  # how many times faster than production rules, leases and waits of the control plane are

    @property
    def database_url(self) -> str:
        return self.database.dsn(_DATABASE) if self.database else self.given_database_url

    def url(self, part: str, path: str = "") -> str:
        return f"http://{LOOPBACK}:{self.ports[part]}{path}"

    def has(self, part: str) -> bool:
        return part not in self.without

    @property
    def running(self) -> frozenset[str]:
        return frozenset(OPTIONAL) - self.without


def environment(system: System) -> dict[str, str]:
    """Settings of `serve`, `work` and `db`: the developer's own, over our defaults, under what the system decides."""
    record = system.state.record
    defaults = {
        **_DEFAULTS,
        "CUBANO_SECRET_KEYS": record.secret_key,
        "CUBANO_VAULT_KEYS": record.vault_key,
        "CUBANO_STRIPE_API_KEY": record.stripe_api_key,
        "CUBANO_STRIPE_WEBHOOK_SECRETS": record.stripe_webhook_secret,
        "CUBANO_PAYPAL_CLIENT_ID": record.paypal_client_id,
        "CUBANO_PAYPAL_CLIENT_SECRET": record.paypal_client_secret,
        "CUBANO_PAYPAL_WEBHOOK_IDS": record.paypal_webhook_id,
    }
    decided = {
        "CUBANO_ENVIRONMENT": "development",
        "CUBANO_DATABASE_URL": system.database_url,
        "CUBANO_PUBLIC_URL": system.url("serve"),
        "CUBANO_SERVE_HOST": LOOPBACK,
        "CUBANO_SERVE_PORT": str(system.ports["serve"]),
        "CUBANO_SERVE_METRICS_PORT": str(system.ports["serve-metrics"]),
        "CUBANO_WORK_METRICS_PORT": str(system.ports["work-metrics"]),
        VARIABLE: as_variable(record.api_keys),
        people.VARIABLE: people.as_variable(record.staff),
        f"{RESPOND}API_KEY": record.api_keys.get(RESPONDER, ""),
        f"{RESPOND}DATABASE_URL": _as_responder(system.database_url, record.responder_password),
        "PYTHONUNBUFFERED": "1",
    }
    if system.has("emulate"):
        defaults["CUBANO_SYNTHETIC_EVERY_S"] = "60"
        decided["CUBANO_STRIPE_BASE_URL"] = system.url("emulate")
        decided["CUBANO_PAYPAL_BASE_URL"] = system.url("emulate", "/paypal")
        decided["CUBANO_PAYPAL_CA_FILE"] = str(system.state.directory / "emulator" / _AUTHORITY)
    if system.has("mail"):
        decided["CUBANO_SMTP_URL"] = f"smtp://{LOOPBACK}:{system.ports['smtp']}"
    return {**defaults, **os.environ, **system.settings, **decided}


def cubano(*words: str) -> list[str]:
    """The command line of `cubano …` in this installation."""
    return [sys.executable, "-m", "service.cli", *words]


def postgres(server: EmbeddedPostgres) -> Child:
    """The embedded server as a child; `server` was prepared once already, and is again after a crash."""
    return Child(
        "postgres",
        server.command(),
        ready_when(server.is_ready, "it does not say that it is ready"),
        server_environment(),
        before=server.prepare,
        user=server.user,
        stop_signal=STOP_SIGNAL,
        death_signal=DEATH_SIGNAL,
        foundation=True,
        routine=("LOG:",),  # what it says at every start and stop
    )


def companions(system: System) -> list[Child]:
    """What the services talk to beside the database."""
    found = {"emulate": _emulate(system), "mail": _mail(system)}
    return [child for name, child in found.items() if system.has(name)]


def watchers(system: System) -> list[Child]:
    """Prometheus and Alertmanager, on what `built` has written."""
    return monitoring.watchers(system.state.directory, system.ports, system.running, scale=system.scale)


def built(system: System) -> list[str]:
    """The command that writes what the watchers read, where nothing is left of what others built."""
    folder = monitoring.configuration(system.state.directory)
    shutil.rmtree(folder, ignore_errors=True)
    token = responder.token_file(system.state.directory, system.state.record.responder)
    return cubano(
        *monitoring.build_words(folder, system.ports, system.running, scale=system.scale, token=token),
    )


def services(system: System) -> list[Child]:
    """The product itself."""
    settings = environment(system)
    found = {
        "serve": Child("serve", cubano("serve"), http_ready(system.url("serve", "/health/ready")), settings),
        "work": Child("work", cubano("work"), http_ready(system.url("work-metrics", "/health/ready")), settings),
    }
    return [child for name, child in found.items() if system.has(name)]


def control(system: System) -> list[Child]:
    """The responder; it needs nothing of the others to start."""
    if not system.has("responder"):
        return []
    ready = http_ready(system.url("responder", "/health/ready"))
    return [Child("respond", cubano("respond"), ready, responder_environment(system))]


def responder_environment(system: System) -> dict[str, str]:
    """Its settings: addresses, its own secrets, and none of the service's."""
    found = environment(system)
    decided = {
        "ENVIRONMENT": "development",
        "PORT": str(system.ports["responder"]),
        "METRICS_PORT": str(system.ports["respond-metrics"]),
        "STATE": str(responder.folder(system.state.directory)),
        "TOKEN": system.state.record.responder.token,
        "API_URL": system.url("serve"),
        "BACKUPS": str(responder.backups(system.state.directory)),
        "POSTGRES_PROGRAMS": str(system.database.programs) if system.database else "",
        "SCALE": str(system.scale),
        "POLL_S": str(max(5 / system.scale, 0.5)),
        "LOG_FORMAT": "console",
        **{f"{part}_URL".upper(): system.url(part) for part in monitoring.TOOLS if system.has(part)},
    }
    given = {name: value for name, value in found.items() if name.startswith(responder.PREFIX)}
    return _plain(found) | given | {f"{responder.PREFIX}{name}": value for name, value in decided.items()}


def addresses(system: System, pids: Mapping[str, int]) -> dict[str, object]:
    """What `cubano up --json` prints; the keys are fixed, a part that does not run is null."""
    metrics = {part: f"{part}-metrics" for part in ("serve", "work", "emulate")}
    metrics |= {"respond": "respond-metrics"} if system.has("responder") else {}
    settings = environment(system)
    secrets = {"stripe": "CUBANO_STRIPE_WEBHOOK_SECRETS", "paypal": "CUBANO_PAYPAL_WEBHOOK_IDS"}
    return {
        "api": system.url("serve"),
        "emulator": system.url("emulate") if system.has("emulate") else None,
        "responder": system.url("responder") if system.has("responder") else None,
        "operators": dict(system.state.record.responder.people),
        **{part: system.url(part) if system.has(part) else None for part in monitoring.TOOLS},
        "mail": system.url("mail") if system.has("mail") else None,
        "metrics": {
            part: system.url(port, "/metrics")
            for part, port in metrics.items()
            if part == "respond" or system.has(part)
        },
        "database_url": system.database_url,
        "api_keys": system.state.record.api_keys,
        "staff": msgspec.to_builtins(system.state.record.staff),
        "webhook_secrets": {provider: _first(settings[name]) for provider, name in secrets.items()},
        "pids": {"up": os.getpid(), **pids},
    }


def _emulate(system: System) -> Child:
    settings = environment(system)
    ports = system.ports
    words = cubano("emulate", "--host", LOOPBACK, "--port", str(ports["emulate"]))
    words += ["--metrics-port", str(ports["emulate-metrics"])]
    folder = _made(system.state.directory / "emulator")
    words += ["--state", str(folder / "gateway.json"), "--paypal-ca-file", str(folder / _AUTHORITY)]
    words += ["--webhook-url", system.url("serve", "/api/payment/webhook")]
    words += ["--paypal-webhook-url", system.url("serve", "/api/payment/webhook/paypal")]
    own = {  # secrets travel in the environment: a command line can be read by everybody on the machine
        "CUBANO_EMULATOR_API_KEY": settings["CUBANO_STRIPE_API_KEY"],
        "CUBANO_EMULATOR_WEBHOOK_SECRET": _first(settings["CUBANO_STRIPE_WEBHOOK_SECRETS"]),
        "CUBANO_EMULATOR_PAYPAL_CLIENT_ID": settings["CUBANO_PAYPAL_CLIENT_ID"],
        "CUBANO_EMULATOR_PAYPAL_CLIENT_SECRET": settings["CUBANO_PAYPAL_CLIENT_SECRET"],
        "CUBANO_EMULATOR_PAYPAL_WEBHOOK_ID": _first(settings["CUBANO_PAYPAL_WEBHOOK_IDS"]),
    }
    return Child("emulate", words, http_ready(system.url("emulate", "/health/ready")), _plain(settings) | own)


def _mail(system: System) -> Child:
    words = [sys.executable, "-m", "service.local.mail", "--host", LOOPBACK]
    words += ["--smtp-port", str(system.ports["smtp"]), "--port", str(system.ports["mail"])]
    words += ["--store", str(_made(system.state.directory / "mail") / "mails.sqlite")]
    return Child("mail", words, http_ready(system.url("mail", "/health/ready")), _plain(environment(system)))


def _as_responder(database_url: str, password: str) -> str:
    """The same database as the responder's role, which `cubano db seed` makes."""
    parts = urlsplit(database_url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{_ROLE}:{password}@{place}"))


def _first(several: str) -> str:
    return several.split(",", maxsplit=1)[0].strip()


def _plain(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment without the service's settings, for programs that have no use for its secrets."""
    return {name: value for name, value in settings.items() if not name.startswith("CUBANO_")}


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory

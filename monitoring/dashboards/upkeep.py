"""The row about what is fine today and will not be: backups, certificates, keys, room for a crowd."""

from monitoring import signals
from monitoring.dashboards import links
from monitoring.dashboards.panels import Colour, Panel, Query, Row, from_, stat
from service.telemetry import catalogue

DAY_S = 86_400


def row() -> Row:
    """What grows old, and what ends."""
    return Row("What grows old or ends?", (_made(), _restored(), _certificates(), _keys()))


def _made() -> Panel:
    return _backup("Last backup", "made", "How long ago the newest was made; one is made each night.", 26 / 24, 50 / 24)


def _restored() -> Panel:
    return _backup(
        "Last restored", "restored", "How long ago one was restored and found whole; one is each week.", 8, 15
    )


def _backup(title: str, what: str, tells: str, late: float, worse: float) -> Panel:
    return stat(
        title,
        tells,
        Query(signals.since(catalogue.BACKUP_AT, what=what)),
        unit="s",
        steps=from_(late * DAY_S, worse * DAY_S),
        nothing="no folder of backups",
        wide=6,
        links=(links.playbook("BackupStale"),),
    )


def _certificates() -> Panel:
    return _end(
        "Certificates",
        "Until the certificate of each public host ends.",
        Query(f"min by (host) ({signals.select(catalogue.CERTIFICATE_ENDS)}) - time()", "{{host}}"),
        nothing="no host is watched",
        alert="CertificateExpiring",
    )


def _keys() -> Panel:
    return _end(
        "API keys",
        "Until the next key ends that no later one of its client stands in for.",
        Query(f"min({signals.select(catalogue.API_KEY_ENDS)}) - time()"),
        nothing="none ends",
        alert="SecretExpiring",
    )


def _end(title: str, tells: str, query: Query, *, nothing: str, alert: str) -> Panel:
    return stat(
        title,
        tells,
        query,
        unit="s",
        steps=((None, Colour.RED), (3 * DAY_S, Colour.YELLOW), (14 * DAY_S, Colour.GREEN)),
        nothing=nothing,
        wide=6,
        links=(links.playbook(alert),),
    )

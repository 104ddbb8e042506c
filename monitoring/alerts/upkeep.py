"""What is fine today and will not be: a backup that was not made or not tried, a certificate or key that ends, room that runs out.

Each is told while there is time left. A moment that nobody shows fires nothing: without a folder of backups, or a list of hosts,
nobody asked for it.
"""

from monitoring.alert import Alert, Kind, Tier
from monitoring.signals import count_of, quantile, select, since
from service.telemetry.catalogue import API_KEY_ENDS, BACKUP_AT, CERTIFICATE_ENDS, DB_POOL, GATEWAY_WAIT, INBOX_OLDEST
from service.telemetry.labels import CallPriority, PoolState
from service.telemetry.repairs import BackupStep

_HOUR_S, _DAY_S = 3600, 86_400  # of the calendar, in a drill too: that makes no night shorter
_MADE = since(BACKUP_AT, "what", what=BackupStep.MADE)
_RESTORED = since(BACKUP_AT, "what", what=BackupStep.RESTORED)
_OLD = "A backup was last {{ $labels.what }} {{ $value | humanizeDuration }} ago"
_CERTIFICATE = f"min by (host) ({select(CERTIFICATE_ENDS)}) - time()"
_CERTIFICATE_ENDS = "The certificate of {{ $labels.host }} ends in {{ $value | humanizeDuration }}"
_CERTIFICATE_MEANS = "When it has ended, no browser goes there any more, and no gateway delivers its events."
_KEY = f"min({select(API_KEY_ENDS)}) - time()"
_KEY_ENDS = "An API key that nothing stands in for ends in {{ $value | humanizeDuration }}"
_KEY_MEANS = "Whoever works with it is refused from then on: a partner, the responder, a report."

# Each as a share of what leaves room for a crowd. Bookkeeping waits by design when others call.
_USED, _SIZE = (select(DB_POOL, state=state) for state in (PoolState.IN_USE, PoolState.SIZE))
_CONNECTIONS = f"max by (job) (avg_over_time({_USED}[{{15m}}]) / ignoring (state) {_SIZE}) / 0.7"
_FIRST = {"priority": (CallPriority.CHECKOUT, CallPriority.REFUND)}
_CALLS = (
    f"({quantile('0.95', GATEWAY_WAIT, '15m', 'provider', **_FIRST)} / 0.5"
    f" and {count_of(GATEWAY_WAIT, '15m', 'provider', **_FIRST)} >= 50)"
)
_EVENTS = f"max(min_over_time({select(INBOX_OLDEST)}[{{15m}}])) / 10"


def _of(what: str, expr: str) -> str:
    return f'label_replace({expr}, "what", "{what}", "", "")'


ALERTS = (
    Alert(
        "BackupStale",
        Tier.CRITICAL,
        Kind.HEARTBEAT,
        "platform",
        f"{_MADE} > {50 * _HOUR_S}",
        _OLD,
        "Two nights without one: what a loss of the database would take grows by the hour.",
        "oncall",
        wait="5m",
    ),
    Alert(
        "BackupStale",
        Tier.WARNING,
        Kind.HEARTBEAT,
        "platform",
        f"{_MADE} > {26 * _HOUR_S} or {_RESTORED} > {8 * _DAY_S}",
        _OLD,
        "One is made each night, and one restored each week: what nobody has restored is a hope.",
        "oncall",
        wait="5m",
    ),
    Alert(
        "CertificateExpiring",
        Tier.CRITICAL,
        Kind.HEARTBEAT,
        "platform",
        f"{_CERTIFICATE} < {3 * _DAY_S}",
        _CERTIFICATE_ENDS,
        _CERTIFICATE_MEANS,
        "oncall",
        wait="5m",
    ),
    Alert(
        "CertificateExpiring",
        Tier.WARNING,
        Kind.HEARTBEAT,
        "platform",
        f"{_CERTIFICATE} < {14 * _DAY_S}",
        _CERTIFICATE_ENDS,
        _CERTIFICATE_MEANS,
        "oncall",
        wait="5m",
    ),
    Alert(
        "SecretExpiring",
        Tier.CRITICAL,
        Kind.HEARTBEAT,
        "security",
        f"{_KEY} < {_DAY_S}",
        _KEY_ENDS,
        _KEY_MEANS,
        "oncall",
        wait="5m",
    ),
    Alert(
        "SecretExpiring",
        Tier.WARNING,
        Kind.HEARTBEAT,
        "security",
        f"{_KEY} < {14 * _DAY_S}",
        _KEY_ENDS,
        _KEY_MEANS,
        "oncall",
        wait="5m",
    ),
    Alert(
        "CapacityHeadroomLow",
        Tier.WARNING,
        Kind.CAUSE,
        "platform",
        f"({_of('connections', _CONNECTIONS)} or {_of('calls', _CALLS)} or {_of('events', _EVENTS)}) > 1",
        "Room is short for half an hour: {{ $labels.what }} at {{ $value | humanizePercentage }} of what leaves some for a crowd",
        "Nobody notices yet. The next rush has nothing in hand: database connections, turns at a gateway, or the worker.",
        "database",
        wait="15m",  # after a quarter of an hour that the figures look back on
        keep="30m",
    ),
)

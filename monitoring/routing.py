"""Who hears of an alert, when, and what keeps silent beside it.

People hear by tier: critical at once and at any hour, warning in office hours, info once a day. The letter of the day has
the warnings, too: what came and went at night would reach nobody else. The responder, a program, hears of every critical and
warning at once; it neither sleeps nor minds. A cause silences what customers feel of it, and the critical of a name its
warning.
"""

from dataclasses import dataclass
from typing import Any

from monitoring.alert import Kind, Tier
from monitoring.alerts.worker import QUICK
from monitoring.durations import Scale

NIGHT = "nights and weekends"
_ZONE = "America/Denver"
_SAME = ["provider", "slo", "queue", "state", "what"]


@dataclass(frozen=True)
class Cause:
    """An alert and the ones it explains. What another gateway, process or loop does is not explained: both share `equal`.

    `only` narrows the cause, `where` what it explains; both are matchers of Alertmanager.
    """

    alert: str
    explains: str
    equal: tuple[str, ...] = ()
    only: str = ""
    where: tuple[str, ...] = ()


_WAITING = "(TicketsPrompt|WebhooksFresh)Burn|QueueBacklog|OrdersStuck|HoldsLeaking|ConfirmationLate"
# The queues that call gateways name none, and what was put off is not due: an outage makes them late for minutes only.
_CALLS_GATEWAYS = ('queue=~"(checkout|capture|refund)[.].*"', f'severity="{Tier.WARNING}"')
_ROOM = "CapacityHeadroomLow"  # that it runs short is no news where there is none

CAUSES = (
    Cause("GatewayOutage", "(PaymentSuccess|WebhooksFresh)Burn|Webhook(LagHigh|Silence|MissedEvents)", ("provider",)),
    Cause("GatewayOutage", "Gateway(Slow|RateLimited)|FailoverActiveTooLong", ("provider",)),
    Cause("GatewayOutage", "OrdersStuck|HoldsLeaking|RefundStuck", ("provider",)),
    Cause("GatewayOutage", "QueueBacklog", where=_CALLS_GATEWAYS),
    Cause("GatewayOutage", "(Settlements|Reconciliation)Stale", ("provider",)),
    Cause("GatewayAuthFailing", "GatewayOutage|PaymentSuccessBurn|WebhookMissedEvents", ("provider",)),
    Cause("WebhookSilence", "WebhooksFreshBurn|WebhookMissedEvents", ("provider",)),
    Cause("WorkerGone", _WAITING),
    Cause("WorkerGone", "WorkerStalled|(Figures|Settlements|Reconciliation)Stale|SyntheticBuyerSilent"),
    Cause("WorkerGone", "InvariantsNotChecked|WebhookMissedEvents"),
    Cause("WorkerStalled", _WAITING, only=f'loop=~"{QUICK}"'),  # a loop that customers wait for
    Cause("EmailFailing", "ConfirmationLate"),
    Cause("DbPoolExhausted", "DbPoolTimeouts", ("job",)),
    Cause("DbPoolExhausted", "CheckoutLatency.*Burn", only='job="serve"'),  # who checks out waits for no worker
    *(Cause(each, _ROOM, ("job",)) for each in ("DbPoolExhausted", "DbPoolTimeouts")),
    *(Cause(each, _ROOM, ("provider",)) for each in ("GatewayOutage", "GatewaySlow", "GatewayRateLimited")),
    *(Cause(each, _ROOM, where=('what="events"',)) for each in ("QueueBacklog", "EventProcessingFailing")),
    Cause("WorkerGone", _ROOM, where=('what="events"',)),
    Cause("WorkerStalled", _ROOM, only=f'loop=~"{QUICK}"', where=('what="events"',)),
    Cause("ServiceDown", "TrafficVanished"),
    Cause("ServiceDown", "(CheckoutAvailability|StoreAvailability|WebhooksFresh).*|Webhook.*|Synthetic.*"),
)
_GONE = {
    "WorkerGone": "work",
    "ServiceDown": "serve",
    "ResponderGone": "respond",
}  # that nobody of a job is there explains what is not read of it
_UNREAD = "TargetDown|PaymentMetricsAbsent"
_AS_EVER = f"{Kind.NEVER}|{Kind.META}"  # what a database that is away does not explain


def config(
    scale: Scale, smtp: str = "127.0.0.1:1025", webhook: str = "", watchdog: str = "", token_file: str = ""
) -> dict[str, Any]:
    """alertmanager.yml. `webhook` is the responder's address, `watchdog` that of whoever misses the heartbeat; both are called
    with the token in `token_file`, which Alertmanager reads itself.
    """
    return {
        "global": {
            "smtp_smarthost": smtp,
            "smtp_from": "alerts@alocubano.example",
            "smtp_require_tls": False,
            "resolve_timeout": scale.duration("5m"),
        },
        "route": _route(scale, responder=bool(webhook)),
        "inhibit_rules": list(_inhibitions()),
        "time_intervals": [{"name": NIGHT, "time_intervals": _night()}],
        "receivers": [
            _mail("page", "on-call@alocubano.example"),
            _mail("desk", "team@alocubano.example"),
            _mail("digest", "team@alocubano.example"),
            _hook("watchdog", watchdog, token_file),
            *([_hook("responder", webhook, token_file)] if webhook else []),
        ],
    }


def _route(scale: Scale, *, responder: bool) -> dict[str, Any]:
    program = {
        "receiver": "responder",
        "matchers": [f'severity=~"{Tier.CRITICAL}|{Tier.WARNING}"'],
        **_pace(scale, "5s", "1m", "1h"),
        "continue": True,
    }
    return {
        "receiver": "page",  # what fits no tier below is no reason to stay silent
        "group_by": ["alertname", "provider", "slo"],
        **_pace(scale, "10s", "1m", "1h"),
        "routes": [
            {"receiver": "watchdog", "matchers": ['alertname="Watchdog"'], **_pace(scale, "1s", "1m", "50s")},
            *([program] if responder else []),
            {"receiver": "page", "matchers": [f'severity="{Tier.CRITICAL}"']},
            {
                "receiver": "digest",
                "matchers": [f'severity=~"{Tier.WARNING}|{Tier.INFO}"'],
                "group_by": ["severity"],
                **_pace(scale, "10m", "24h", "23h"),
                "continue": True,
            },
            {
                "receiver": "desk",
                "matchers": [f'severity="{Tier.WARNING}"'],
                "mute_time_intervals": [NIGHT],
                **_pace(scale, "5m", "30m", "1d"),
            },
        ],
    }


def _pace(scale: Scale, wait: str, interval: str, repeat: str) -> dict[str, str]:
    """Looked at once an interval; a repetition that is due exactly then is sometimes a moment too early, and left out."""
    return {
        "group_wait": scale.duration(wait),
        "group_interval": scale.duration(interval),
        "repeat_interval": scale.duration(repeat),
    }


def _inhibitions() -> list[dict[str, Any]]:
    graded = {
        "source_matchers": [f'severity="{Tier.CRITICAL}"'],
        "target_matchers": [f'severity="{Tier.WARNING}"'],
        "equal": ["alertname", *_SAME],
    }
    away = {
        "source_matchers": ['alertname="DbDown"', f'severity="{Tier.CRITICAL}"'],
        "target_matchers": [f'kind!~"{_AS_EVER}"', 'alertname!~"DbDown|ServiceDown|Watchdog"'],
    }
    causes = [
        {
            "source_matchers": [f'alertname="{cause.alert}"', *([cause.only] if cause.only else [])],
            "target_matchers": [f'alertname=~"{cause.explains}"', *cause.where],
            **({"equal": list(cause.equal)} if cause.equal else {}),
        }
        for cause in CAUSES
    ]
    unread = [
        {"source_matchers": [f'alertname="{cause}"'], "target_matchers": [f'alertname=~"{_UNREAD}"', f'job="{job}"']}
        for cause, job in _GONE.items()
    ]
    return [graded, away, *causes, *unread]


def _night() -> list[dict[str, Any]]:
    evening_and_morning = [{"start_time": "00:00", "end_time": "08:00"}, {"start_time": "18:00", "end_time": "24:00"}]
    return [
        {"weekdays": ["monday:friday"], "times": evening_and_morning, "location": _ZONE},
        {"weekdays": ["saturday", "sunday"], "location": _ZONE},
    ]


_SUBJECT = (
    "{{ if eq .Status `resolved` }}Over: {{ end }}{{ .CommonLabels.severity | toUpper }}"
    " {{ range .GroupLabels.SortedPairs.Values }}{{ . }} {{ end }}({{ len .Alerts }})"
)
_TEXT = """\
{{ range .Alerts }}{{ if eq .Status `resolved` }}Over: {{ end }}{{ .Annotations.summary }}
{{ .Annotations.description }}
  since      {{ .StartsAt.UTC.Format `2006-01-02 15:04:05 UTC` }}
  owner      {{ .Labels.owner }}
  playbook   {{ .Annotations.playbook }}
  dashboard  {{ .Annotations.dashboard }}

{{ end }}"""


def _mail(name: str, to: str) -> dict[str, Any]:
    """Plain text, readable on a telephone at night."""
    letter = {"to": to, "send_resolved": True, "html": "", "text": _TEXT, "headers": {"Subject": _SUBJECT}}
    return {"name": name, "email_configs": [letter]}


def _hook(name: str, url: str, token_file: str) -> dict[str, Any]:
    if not url:
        return {"name": name}
    who = {"http_config": {"authorization": {"credentials_file": token_file}}} if token_file else {}
    return {"name": name, "webhook_configs": [{"url": url, "send_resolved": True, **who}]}

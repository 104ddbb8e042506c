"""On-call home: what fires, since when, what to do, what customers feel of it, and what has changed."""

from monitoring import recording, signals
from monitoring.dashboards import links, repairs, upkeep
from monitoring.dashboards.panels import (
    RANGE,
    RATE,
    Colour,
    Column,
    Link,
    Page,
    Panel,
    Query,
    Row,
    at_least,
    from_,
    stat,
    table,
    timeline,
)
from monitoring.dashboards.promises import CHECKOUT, close_to, promised, too_slow
from monitoring.signals import STARTED
from service.telemetry import catalogue
from service.telemetry.objectives import OBJECTIVES, PAYMENT_SUCCESS, TICKETS_PROMPT

FIRING = 'ALERTS{alertstate="firing",alertname!="Watchdog"}'
_BY = "alertname, severity, owner, provider, slo"
_TIERS = (("1", "info", Colour.BLUE), ("2", "warning", Colour.YELLOW), ("3", "critical", Colour.RED))


def page() -> Page:
    """The first page of whoever was woken."""
    return Page(
        "oncall",
        "On-call home",
        "What fires, since when, what is to be done, and what has changed?",
        (_fires(), _felt(), repairs.row(), _changed(), upkeep.row(), _up()),
        window="3h",
    )


def _count(severity: str) -> str:
    return f'count({FIRING[:-1]},severity="{severity}"}}) or vector(0)'


def _fires() -> Row:
    return Row(
        "What fires, since when, and what is to be done?",
        (_critical(), _warnings(), _firing_alerts(), _when_they_fired()),
    )


def _critical() -> Panel:
    return stat(
        "Critical",
        "Each has woken somebody. Open its playbook below, first line first.",
        Query(_count("critical")),
        unit="none",
        steps=from_(1),
        wide=3,
        high=8,
    )


def _warnings() -> Panel:
    return stat(
        "Warnings",
        "For business hours; what they say now is often why something critical fires later.",
        Query(_count("warning")),
        unit="none",
        steps=((None, Colour.GREEN), (1, Colour.YELLOW)),
        wide=3,
        high=8,
    )


def _firing_alerts() -> Panel:
    since = f"max by ({_BY}) (ALERTS_FOR_STATE) * 1000 and on ({_BY}) {FIRING}"
    book = f'label_replace({since}, "playbook", "runbooks/playbooks/$1.md", "alertname", "(.+)")'
    return table(
        "Firing alerts",
        "The newest first. The name leads to the playbook, which says what it means, whom it hurts and what to do.",
        Query(f"sort_desc({book})"),
        columns=(
            Column("alertname", "Alert", link=Link("Playbook", f"{links.PLAYBOOKS}/${{__value.text}}.md")),
            Column("severity", "Tier"),
            Column("owner", "Owner"),
            Column("Value", "Since", "dateTimeFromNow"),
            Column("playbook", "Playbook"),
        ),
        wide=18,
        nothing="nothing fires",
    )


def _when_they_fired() -> Panel:
    tiers = " or ".join(
        f'max by (alertname) ({FIRING[:-1]},severity="{word}"}} * {number})' for number, word, _ in reversed(_TIERS)
    )
    return timeline(
        "When they fired",
        "One line an alert. What began first is usually the cause; marks on the charts below say what changed then.",
        Query(tiers, "{{alertname}}"),
        names=_TIERS,
        steps=((None, Colour.BLUE), (2, Colour.YELLOW), (3, Colour.RED)),
        high=7,
        nothing="nothing has fired",
    )


def _felt() -> Row:
    return Row(
        "Do customers feel it?",
        (
            _paid_a_minute(),
            _attempts_answered(),
            _turned_away(),
            _paid_to_ticket_slowest_tail(),
            _least_budget_left(),
            _our_own_purchase(),
        ),
    )


def _paid_a_minute() -> Panel:
    return stat(
        "Paid a minute",
        "Orders that reach `paid`. Nothing while people visit is an outage, whatever else is green.",
        Query(f"{signals.rate_of(catalogue.FUNNEL, RATE, step='paid')} * 60"),
        unit="short",
        decimals=1,
        links=(links.dashboard("payments", "Real-time payments"),),
    )


def _attempts_answered() -> Panel:
    answered, every = (
        signals.count_of(catalogue.PAYMENT_ATTEMPTS, RANGE, outcome=outcomes)
        for outcomes in (("approved", "declined"), ("approved", "declined", "error"))
    )
    return stat(
        "Attempts answered",
        "Share of attempts to pay that a bank answered, in the time shown.",
        Query(f"{answered} / ({every} > 0)"),
        unit="percentunit",
        steps=at_least(promised(PAYMENT_SUCCESS), close_to(PAYMENT_SUCCESS)),
        decimals=2,
        most=1,
        links=(links.dashboard("gateways", "Gateways"),),
    )


def _turned_away() -> Panel:
    refused = signals.count_of(catalogue.HTTP_SERVER_DURATION, RANGE, **CHECKOUT.bad)
    return stat(
        "Turned away",
        "People who wanted to check out and got a fault or a limit of ours, in the time shown.",
        Query(f"({refused}) or vector(0)"),
        unit="short",
        decimals=0,
        steps=from_(1, 5),
        links=(links.dashboard("errors", "Error patterns"),),
    )


def _paid_to_ticket_slowest_tail() -> Panel:
    return stat(
        "Paid to ticket, slowest 5 %",
        "Above the limit people have paid and hold nothing.",
        Query(signals.quantile("0.95", catalogue.PAID_TO_TICKET, RATE)),
        unit="s",
        steps=from_(too_slow(TICKETS_PROMPT) / 2, too_slow(TICKETS_PROMPT)),
        links=(links.dashboard("queues", "Queues and workers"),),
    )


def _least_budget_left() -> Panel:
    left = " or ".join(f"min by (slo) ({recording.remaining(each)})" for each in OBJECTIVES)
    return stat(
        "Least budget left",
        "Of all objectives, of 30 days; at -100% the worst is overdrawn by as much as there was, or more.",
        Query(f"clamp_min(min({left}), -1)"),
        unit="percentunit",
        decimals=0,
        steps=((None, Colour.RED), (0.0001, Colour.YELLOW), (0.25, Colour.GREEN)),
        links=(links.dashboard("slos", "SLOs"),),
    )


def _our_own_purchase() -> Panel:
    return stat(
        "Our own purchase",
        "How long ago the synthetic buyer last came as far as it goes: its ticket; with a live key the payment page.",
        Query(signals.since(catalogue.SYNTHETIC_SUCCEEDED)),
        unit="s",
        steps=from_(180, 300),
        nothing="no buyer",
        links=(links.dashboard("experience", "Customer experience"),),
    )


def _changed() -> Row:
    return Row(
        "What has changed?",
        (_processes_and_since_when_they_run(), _switches_not_in_their_normal_position(), _switches_over_time()),
    )


def _processes_and_since_when_they_run() -> Panel:
    build = catalogue.BUILD_INFO.name
    started = f"{STARTED} * 1000 * on (job, instance) group_right () {build}"
    return table(
        "Processes and since when they run",
        "The newest first. A start shortly before the first alert is the first suspect: roll back, then look.",
        Query(f"sort_desc({started})"),
        columns=(
            Column("process", "Process"),
            Column("instance", "Where"),
            Column("version", "Version"),
            Column("environment", "Environment"),
            Column("Value", "Since", "dateTimeFromNow"),
        ),
        wide=14,
        high=7,
    )


def _switches_not_in_their_normal_position() -> Panel:
    switched = signals.most(catalogue.CONTROL, "control")
    return table(
        "Switches not in their normal position",
        "Somebody moved them; `cubano controls ls` says who, why and until when.",
        Query(f"{switched} > 0"),
        columns=(Column("control", "Switch"),),
        wide=10,
        high=7,
        nothing="all are in their normal position",
        links=(links.playbook("ControlAwayTooLong"),),
    )


def _switches_over_time() -> Panel:
    switched = signals.most(catalogue.CONTROL, "control")
    return timeline(
        "Switches over time",
        "What operators turned, and when it went back.",
        Query(switched, "{{control}}"),
        names=(("0", "normal", Colour.GREEN), ("1", "moved", Colour.YELLOW)),
        steps=((None, Colour.GREEN), (1, Colour.YELLOW)),
        high=8,
    )


def _up() -> Row:
    return Row(
        "Is everything up, and do we see it?",
        (
            timeline(
                "Targets",
                "What Prometheus reaches. Down without a deploy: the process or its machine.",
                Query("min by (job, instance) (up)", "{{job}} {{instance}}"),
                names=(("0", "down", Colour.RED), ("1", "up", Colour.GREEN)),
                steps=at_least(1),
                wide=16,
                high=7,
                links=(links.playbook("TargetDown"),),
            ),
            stat(
                "Figures' age",
                "Ages and states are counted by the worker; when this grows, the rest of the page looks too well.",
                Query(signals.most(catalogue.PROGRESS_AGE)),
                unit="s",
                steps=from_(60, 180),
                high=7,
                links=(links.playbook("FiguresStale"),),
            ),
            stat(
                "Switches' age",
                "How old the switches' positions are that processes go by.",
                Query(signals.most(catalogue.CONTROLS_AGE)),
                unit="s",
                steps=from_(30, 120),
                high=7,
                links=(links.playbook("ControlsStale"),),
            ),
        ),
    )

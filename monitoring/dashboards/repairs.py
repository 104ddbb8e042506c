"""The row about playbooks: what waits for a person, what runs came to, whether it hears, and whether what is done is kept."""

from monitoring import signals
from monitoring.dashboards import links
from monitoring.dashboards.panels import RATE, Panel, Query, Row, bars, from_, stat
from service.telemetry import catalogue

PATIENCE_S = 300  # a plan is as good as what it saw: after five minutes it is made anew


def row() -> Row:
    """What the responder does, and what it waits for."""
    return Row("What do the playbooks do?", (_waiting(), _longest(), _heard(), _behind(), _whole(), _ended(), _acts()))


def _waiting() -> Panel:
    return stat(
        "Wait for you",
        "Runs that need an approval, an answer or a look. The responder's first page names them.",
        Query(signals.most(catalogue.RUNBOOK_AWAITING)),
        unit="none",
        steps=from_(1),
        nothing="no responder",
        wide=5,
        links=(links.playbook("ResponderGone"),),
    )


def _longest() -> Panel:
    return stat(
        "The longest",
        "How long the oldest of them has waited.",
        Query(signals.most(catalogue.RUNBOOK_AWAITING_OLDEST)),
        unit="s",
        steps=from_(PATIENCE_S / 2, PATIENCE_S),
        nothing="no responder",
        wide=5,
        links=(links.playbook("RunbookWaiting"),),
    )


def _heard() -> Panel:
    return stat(
        "Last heard",
        "How long ago it heard of alerts: Alertmanager tells the heartbeat each minute, Prometheus is asked every few seconds.",
        Query(signals.since(catalogue.RUNBOOK_HEARD, "side"), "{{side}}"),
        unit="s",
        steps=from_(120, 300),
        nothing="nobody",
        wide=5,
        links=(links.playbook("AlertmanagerFailing"),),
    )


def _behind() -> Panel:
    return stat(
        "Journal not mirrored",
        "Lines of the journal that stand on the responder's disk alone: the database is away, or was.",
        Query(signals.most(catalogue.RUNBOOK_JOURNAL_LAG)),
        unit="short",
        steps=from_(100),
        nothing="no mirror",
        wide=5,
    )


def _whole() -> Panel:
    return stat(
        "Journal's faults",
        "Breaks of its chain that nobody has accepted, and whether it cannot be written. Nothing is done without it.",
        Query(signals.most(catalogue.RUNBOOK_JOURNAL_FAULTS)),
        unit="none",
        steps=from_(1),
        nothing="no responder",
        wide=4,
        links=(links.playbook("JournalFaulty"),),
    )


def _ended() -> Panel:
    return bars(
        "How runs ended",
        "Recovered is verified; aborted, no effect, rolled back and unknown need a person.",
        Query(f"{signals.rate_of(catalogue.RUNBOOK_RUNS, RATE, 'state')} * 60", "{{state}}"),
        unit="short",
        wide=12,
    )


def _acts() -> Panel:
    return bars(
        "What was changed",
        "Acts by what they did, those that took hold and those that did not.",
        Query(f"{signals.rate_of(catalogue.RUNBOOK_ACTS, RATE, 'action, outcome')} * 60", "{{action}} {{outcome}}"),
        unit="short",
        wide=12,
    )

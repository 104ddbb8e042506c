"""The metrics of the responder: what its runs came to, what waits for a person, whom it hears, whether its journal is whole,
and what grows old or ends where nobody looks.

Part of the catalogue. The states and outcomes mirror those of `runbooks.engine`; a test compares them.
"""

from enum import StrEnum

from service.telemetry.metric import Bounded, Counter, Gauge


class RunEnd(StrEnum):
    """How a run of a playbook ended, or stands until a person has looked."""

    RECOVERED = "recovered"
    NO_EFFECT = "no_effect"
    ROLLED_BACK = "rolled_back"
    ABORTED = "aborted"
    STOPPED = "stopped"
    OBSERVED = "observed"
    REFUSED = "refused"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class ActOutcome(StrEnum):
    """What came of an act."""

    DONE = "done"
    NOT_DONE = "not_done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Told(StrEnum):
    """Who tells of alerts."""

    ALERTMANAGER = "alertmanager"
    PROMETHEUS = "prometheus"


class BackupStep(StrEnum):
    """What was last done with a backup."""

    MADE = "made"
    RESTORED = "restored"


RUNBOOK_RUNS = Counter(
    "cubano_runbook_runs_total",
    "Runs of playbooks, by playbook and how they ended.",
    "runs",
    {"playbook": Bounded(150), "state": RunEnd},
    most=450,  # a playbook ends in three ways or so, not in each there is
)
RUNBOOK_ACTS = Counter(
    "cubano_runbook_acts_total",
    "Acts of playbooks, by action and what came of them.",
    "acts",
    {"action": Bounded(60), "outcome": ActOutcome},
)
RUNBOOK_AWAITING = Gauge(
    "cubano_runbook_awaiting_runs", "Runs that wait for a person: an approval, an answer, or a look.", "runs"
)
RUNBOOK_AWAITING_OLDEST = Gauge(
    "cubano_runbook_awaiting_oldest_seconds", "How long the run waits that has waited longest for a person.", "seconds"
)
RUNBOOK_JOURNAL_LAG = Gauge(
    "cubano_runbook_journal_lag_lines", "Lines of the responder's journal that the database does not have yet.", "lines"
)
RUNBOOK_JOURNAL_FAULTS = Gauge(
    "cubano_runbook_journal_faults",
    "What is wrong with the responder's journal: breaks of its chain that nobody has accepted, and that it cannot be written.",
    "faults",
)
RUNBOOK_HEARD = Gauge(
    "cubano_runbook_heard_timestamp_seconds",
    "When the responder last heard of alerts, by who told.",
    "seconds",
    {"side": Told},
)
BACKUP_AT = Gauge(
    "cubano_backup_timestamp_seconds",
    "When the newest backup was made, and when one was last restored and whole; before the first, since when it is awaited.",
    "seconds",
    {"what": BackupStep},
)
CERTIFICATE_ENDS = Gauge(
    "cubano_certificate_ends_timestamp_seconds",
    "When the certificate ends that a public host shows.",
    "seconds",
    {"host": Bounded(20)},
)

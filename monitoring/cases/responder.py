"""The responder."""

from monitoring.case import Case, critical, limit, warning

_READ = 'up{job="respond",instance="r"} %s\n'
_TOLD = 'cubano_runbook_awaiting_runs{job="respond",instance="r"} %s\n'

CASES = (
    Case(
        "ResponderGone",
        "it ended, and what it told ended with it",
        _READ % "1x5 0x15" + _TOLD % "0x5 stale",
        "10m",
        (warning("No responder is running", job="respond"),),
    ),
    Case("ResponderGone", "it runs, and has nothing to do", _READ % "1x20" + _TOLD % "0x20", "10m"),
    Case("ResponderGone", "nobody runs one here", 'up{job="serve",instance="a"} 1x20', "10m"),
    *limit(
        "RunbookWaiting",
        'cubano_runbook_awaiting_oldest_seconds{job="respond",instance="r"} 0+#x20',
        "10m",
        warning("A playbook has waited for a person for 11m 40s"),
        fires=70,
        silent=60,
    ),
    *limit(
        "JournalFaulty",
        'cubano_runbook_journal_faults{job="respond",instance="r"} #x20',
        "5m",
        critical("The responder's journal has 2 faults"),
        fires=2,
        silent=0,
    ),
)

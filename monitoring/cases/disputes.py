"""Banks that take money back."""

from monitoring.case import Case, critical, limit, warning

CASES = (
    *limit(
        "DisputeSpike",
        """cubano_dispute_moves_total{provider="stripe",event="open",outcome="moved"} 0x5 #x90
        cubano_payment_moves_total{provider="stripe",event="succeed",outcome="moved"} 0x5 #x90""",
        "30m",
        warning("1% of the payments at stripe were disputed within a week", provider="stripe"),
        fires=(4, 400),
        silent=(4, 900),
        few=(2, 20),
    ),
    *limit(
        "DisputeDeadline",
        "cubano_dispute_due_seconds #x20",
        "5m",
        warning("Evidence for a dispute is due in 2d 23h 0m 0s"),
        fires=255600,
        silent=259200,
    ),
    Case(
        "DisputeDeadline",
        "twelve hours are left",
        "cubano_dispute_due_seconds 39600x20",
        "5m",
        (
            critical("Evidence for a dispute is due in 11h 0m 0s"),
            warning("Evidence for a dispute is due in 11h 0m 0s"),
        ),
    ),
)

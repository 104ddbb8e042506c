"""Money on its way back."""

from monitoring.case import limit, warning

_MOVED = 'cubano_refund_moves_total{provider="stripe",event="%s",outcome="moved"} 0x5 #x60\n'

CASES = (
    *limit(
        "RefundStuck",
        'cubano_refunds_oldest_age_seconds{provider="stripe",state="pending"} #x20',
        "5m",
        warning("A refund at stripe has been pending for 1d 0h 0m 1s", provider="stripe", state="pending"),
        fires=86401,
        silent=86400,
    ),
    *limit(
        "RefundFailing",
        _MOVED % "fail" + _MOVED % "succeed",
        "10m",
        warning("60% of the refunds at stripe failed within six hours", provider="stripe"),
        fires=(3, 2),
        silent=(3, 15),
        few=(2, 0),
    ),
    *limit(
        "RefundSpike",
        'cubano:refunds:sent:increase1h{provider="stripe"} #x100 #x60',
        "110m",
        warning("12 refunds were sent at stripe in an hour, three times the usual number", provider="stripe"),
        fires=(1, 12),
        silent=(5, 12),
        few=(0, 9),
    ),
)

"""Seats."""

from monitoring.case import limit, warning

CASES = (
    *limit(
        "InventoryConflictSurge",
        """cubano_checkouts_total{provider="stripe",outcome="sold_out"} 0+#x40
        cubano_checkouts_total{provider="stripe",outcome="opened"} 0+#x40""",
        "25m",
        warning("30% of those who check out find their seats gone"),
        fires=(3, 7),
        silent=(1, 9),
        few=(1, 2),
    ),
    *limit(
        "HoldsLeaking",
        'cubano_holds_overdue_seconds{provider="stripe"} #x30',
        "15m",
        warning("Seats of orders at stripe are held 5m 1s longer than their hold lasts", provider="stripe"),
        fires=301,
        silent=300,
    ),
)

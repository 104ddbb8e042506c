"""The synthetic buyer."""

from monitoring.case import Case, critical, limit, warning

CASES = (
    *limit(
        "SyntheticCheckoutFailing",
        """cubano_synthetic_purchases_total{outcome="checkout_failed"} 0x5 0+#x20
        cubano_synthetic_purchases_total{outcome="ok"} 0x5 0+#x20""",
        "15m",
        critical("The synthetic buyer failed 5 times in five minutes and never got a ticket"),
        fires=(1, 0),
        silent=("0.2", 0),
        few=(1, 1),  # now and then it gets one
    ),
    *limit(
        "SyntheticBuyerSilent",
        """cubano_synthetic_last_success_timestamp_seconds #x40
        cubano_synthetic_purchases_total{outcome="ok"} #x40""",
        "20m",
        warning("The synthetic buyer last had a ticket 20m 0s ago and tries no more"),
        fires=(0, 1),
        silent=("0+60", "0+1"),
    ),
    Case(
        "SyntheticBuyerSilent",
        "the store is closed",
        """cubano_synthetic_last_success_timestamp_seconds 0x40
        cubano_synthetic_purchases_total{outcome="ok"} 1x40
        cubano_control{control="sales"} 1x40""",
        "20m",
    ),
)

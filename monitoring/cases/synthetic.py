"""The synthetic buyer."""

from monitoring.case import Case, critical, filled, limit, warning

_SILENT = "The synthetic buyer has had no ticket for 20m 0s and tries no more"
_NEVER = """cubano_synthetic_every_seconds #x40
process_start_time_seconds{job="work",instance="w"} #x40
cubano_synthetic_purchases_total{outcome="ok"} 0x40"""

CASES = (
    *limit(
        "SyntheticCheckoutFailing",
        """cubano_synthetic_purchases_total{outcome="checkout_failed"} 0x5 0+#x20
        cubano_synthetic_purchases_total{outcome="ok"} 0x5 0+#x20""",
        "15m",
        critical("The synthetic buyer failed 5 times in five minutes and never came through"),
        fires=(1, 0),
        silent=("0.2", 0),
        few=(1, 1),  # now and then it gets one
    ),
    Case(
        "SyntheticCheckoutFailing",
        "with a live key it comes as far as the payment page",
        """cubano_synthetic_purchases_total{outcome="checkout_failed"} 0x5 0+1x20
        cubano_synthetic_purchases_total{outcome="page_only"} 0x5 0+1x20""",
        "15m",
    ),
    *limit(
        "SyntheticBuyerSilent",
        """cubano_synthetic_every_seconds 60x40
        cubano_synthetic_last_success_timestamp_seconds #x40
        cubano_synthetic_purchases_total{outcome="ok"} #x40""",
        "20m",
        warning(_SILENT),
        fires=(0, 1),
        silent=("0+60", "0+1"),
    ),
    Case(
        "SyntheticBuyerSilent",
        "the store is closed",
        """cubano_synthetic_every_seconds 60x40
        cubano_synthetic_last_success_timestamp_seconds 0x40
        cubano_synthetic_purchases_total{outcome="ok"} 1x40
        cubano_control{control="sales"} 1x40""",
        "20m",
    ),
    Case(
        "SyntheticBuyerSilent",
        "it has never bought since the worker began",
        filled(_NEVER, (60, 0)),
        "20m",
        (warning(_SILENT),),
    ),
    Case("SyntheticBuyerSilent", "the worker has just begun", filled(_NEVER, (60, 900)), "20m"),
    Case("SyntheticBuyerSilent", "it buys once in ten minutes", filled(_NEVER, (600, 0)), "20m"),
    Case("SyntheticBuyerSilent", "there is none", filled(_NEVER, (0, 0)), "20m"),
)

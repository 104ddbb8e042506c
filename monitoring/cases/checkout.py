"""Nobody can buy."""

from monitoring.case import Case, critical, limit

CASES = (
    *limit(
        "CheckoutFailingLowTraffic",
        """cubano_checkouts_total{provider="stripe",outcome="gateway_error"} 0 0+1x# #x60
        cubano_checkouts_total{provider="stripe",outcome="opened"} 0x# #x60""",
        "25m",
        critical("4 checkouts failed in half an hour, and none went well"),
        fires=(4, 4, 30, 0),
        silent=(2, 2, 30, 0),  # one error at three in the morning, and another
        few=(4, 4, 1, 1),  # somebody could buy
    ),
    *limit(
        "TrafficVanished",
        'cubano_funnel_total{step="store"} 0+#x50 #x100',
        "64m",
        critical("Nobody has opened the store for ten minutes, after many in this hour"),
        fires=(2, 100),
        silent=("2x50 101+1", 150),  # somebody still comes
        few=(1, 50),  # as quiet as the hour before
    ),
    Case(
        "TrafficVanished",
        "an operator has closed the store",
        """cubano_funnel_total{step="store"} 0+2x50 100x100
        cubano_control{job="serve",instance="a",control="maintenance"} 0x50 1x100""",
        "64m",
    ),
    Case(
        "TrafficVanished",
        "another switch does not close it",
        """cubano_funnel_total{step="store"} 0+2x50 100x100
        cubano_control{job="serve",instance="a",control="maintenance"} 0x150
        cubano_control{job="serve",instance="a",control="sales"} 1x150""",
        "64m",
        (critical("Nobody has opened the store for ten minutes, after many in this hour"),),
    ),
)

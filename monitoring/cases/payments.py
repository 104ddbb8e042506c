"""Declines, challenges, cards tried out, and money."""

from monitoring.case import Case, critical, filled, limit, warning

_HOUR = 'cubano:payments:{}:increase1h{{provider="stripe"}} '
_DECLINED, _ANSWERED = _HOUR.format("declined"), _HOUR.format("answered")
_SHIFT = f"""{_DECLINED}5x100 #x40
{_ANSWERED}50x100 #x40"""
_CHALLENGES = """cubano:three_ds:failed:increase1h{provider="stripe"} 2x100 #x40
cubano:three_ds:ended:increase1h{provider="stripe"} 20x100 #x40"""
_NOW = """cubano:payments:declined:increase5m{provider="stripe"} 1x100 #x10
cubano:payments:answered:increase5m{provider="stripe"} 5x100 #x10
cubano:payments:declined_in_peace:increase5m{provider="stripe"} 1x100 _x10"""
_MONEY = """cubano_revenue_minor_total{currency="USD",ticket_type="pass"} 0+10000x60 600000+#x90
cubano_checkouts_total{provider="stripe",outcome="opened"} 0+10x60 600+#x90"""
_TRIED_OUT = critical(
    "60 payments were declined at stripe in five minutes, and hardly one approved: somebody tries out cards",
    provider="stripe",
)

CASES = (
    *limit(
        "DeclineRateShift",
        _SHIFT,
        "120m",
        warning("Banks decline 30% of the payments at stripe, twice the usual share", provider="stripe"),
        fires=(15, 50),
        silent=(10, 50),  # a burst of declines that is no more than twice the usual
        few=(14, 49),
    ),
    *limit(
        "ThreeDSFailureShift",
        _CHALLENGES,
        "120m",
        warning("50% of the 3-D Secure challenges at stripe fail, twice the usual share", provider="stripe"),
        fires=(10, 20),
        silent=(4, 20),
        few=(9, 19),
    ),
    *limit(
        "CardTesting",
        _NOW,
        "104m",
        _TRIED_OUT,
        fires=(60, 62),
        silent=(60, 76),  # a crowd with a quarter of its payments approved
        few=(49, 49),
    ),
    Case(
        "CardTesting",
        "declines hardly more than all day long among approvals",
        filled(_NOW, (60, 62)).replace(" 1x100", " 55x100"),
        "104m",
    ),
    Case(
        "CardTesting",
        "an attack of more than a day is no more usual than in its first hour",
        """cubano:payments:declined:increase5m{provider="stripe"} 60x1600
        cubano:payments:answered:increase5m{provider="stripe"} 62x1600""",
        "1590m",
        (_TRIED_OUT,),
    ),
    *limit(
        "PaymentMismatched",
        'cubano_odd_money_total{provider="paypal",outcome="mismatched"} 0x10 #x20',
        "12m",
        warning("1 payments at paypal have another amount or currency than their order", provider="paypal"),
        fires=1,
        silent=0,
    ),
    *limit(
        "RevenueAnomaly",
        _MONEY,
        "136m",
        warning(
            "This hour took 37.11% of the USD of the hour before, though as many check out",
            currency="USD",
        ),
        fires=(3000, 10),
        silent=(5000, 10),
        few=(3000, 5),  # half as many check out: people have gone home
    ),
)

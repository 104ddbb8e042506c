"""Doors."""

from monitoring.case import info, limit, warning

_ASKED = """cubano_rate_limit_requests_total{zone="ZONE",verdict="limited"} 0+#x40
cubano_rate_limit_requests_total{zone="ZONE",verdict="allowed"} 0+#x40"""

CASES = (
    *limit(
        "SignInsFailing",
        'cubano_staff_sign_ins_total{outcome="wrong_password"} 0+#x40',
        "20m",
        warning("45 sign-ins of staff failed in a quarter of an hour"),
        fires=3,
        silent="1.9",
    ),
    *limit(
        "AccessRefusedSurge",
        """cubano_access_total{outcome="unknown"} 0+#x40
        cubano_access_total{outcome="none"} 0+100x40""",
        "20m",
        warning("60 requests with a wrong key were refused in a quarter of an hour"),
        fires=4,
        silent=3,
    ),
    *limit(
        "RateLimitSaturation",
        _ASKED.replace("ZONE", "catalog"),
        "25m",
        warning("30% of the requests at catalog are turned away as too many", zone="catalog"),
        fires=(30, 70),
        silent=(10, 90),
        few=(3, 1),
    ),
    *limit(
        "RateLimitSaturation",
        _ASKED.replace("ZONE", "checkout"),  # where a limit that hits buyers costs a sale
        "25m",
        warning("6% of the requests at checkout are turned away as too many", zone="checkout"),
        fires=(6, 94),
        silent=(4, 96),
        few=("0.3", "4.5"),
    ),
    *limit(
        "RateLimitsUnshared",
        "cubano_rate_limit_fallbacks_total 0+#x40",
        "20m",
        warning("Redis did not answer 20 times in ten minutes: each process counts limits for itself"),
        fires=2,
        silent="0.9",
    ),
    *limit(
        "CardNumbersEntered",
        "cubano_card_numbers_refused_total 0x10 #x40",
        "15m",
        info("1 requests with a card number in them were refused within an hour"),
        fires=1,
        silent=0,
    ),
)

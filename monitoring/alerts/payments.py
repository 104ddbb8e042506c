"""Payments as banks and thieves see them: declines, 3-D Secure, cards being tried out, and money that comes or not."""

from monitoring.alert import Alert, Kind, Tier
from monitoring.baselines import (
    ANSWERED,
    CHALLENGED,
    DECLINED,
    DECLINED_IN_PEACE,
    DECLINED_NOW,
    UNPROVEN,
    is_siege,
    usual,
)
from monitoring.signals import count_of, select
from service.telemetry.catalogue import CHECKOUTS, ODD_MONEY, REVENUE
from service.telemetry.labels import CheckoutOutcome, OddMoney

_STARTED = select(CHECKOUTS, outcome=(CheckoutOutcome.OPENED, CheckoutOutcome.RESUMED))
_TAKEN = f"sum by (currency) (increase({REVENUE.name}[{{1h}}]))"
_TAKEN_BEFORE = f"sum by (currency) (increase({REVENUE.name}[{{1h}}] offset {{1h}}))"
_NOTABLE = 100_000  # minor units an hour; below that an hour is as good as chance

ALERTS = (
    Alert(
        "DeclineRateShift",
        Tier.WARNING,
        Kind.SYMPTOM,
        "payments",
        f"{DECLINED} / ({ANSWERED} >= 50) > 0.2 and {DECLINED} / {ANSWERED} > 2 * ({usual(DECLINED, ANSWERED)})",
        "Banks decline {{ $value | humanizePercentage }} of the payments at {{ $labels.provider }}, twice the usual share",
        "Declines are answers, not faults; but twice the share of the last week has a reason.",
        "payments",
        wait="15m",
        keep="1h",
    ),
    Alert(
        "ThreeDSFailureShift",
        Tier.WARNING,
        Kind.SYMPTOM,
        "payments",
        f"{UNPROVEN} / ({CHALLENGED} >= 20) > 0.2 and {UNPROVEN} / {CHALLENGED} > 2 * ({usual(UNPROVEN, CHALLENGED)})",
        "{{ $value | humanizePercentage }} of the 3-D Secure challenges at {{ $labels.provider }} fail, twice the usual share",
        "Buyers do not get past their bank's question.",
        "payments",
        wait="15m",
        keep="1h",
    ),
    Alert(
        "CardTesting",
        Tier.CRITICAL,
        Kind.SYMPTOM,
        "security",
        f"{DECLINED_NOW} >= 50 and ({is_siege()})"
        f" unless {DECLINED_NOW} <= 5 * avg_over_time({DECLINED_IN_PEACE}[{{1d}}])",
        "{{ printf `%.0f` $value }} payments were declined at {{ $labels.provider }} in five minutes, and hardly one approved:"
        " somebody tries out cards",
        "Five times the declines of five usual minutes, in which banks approve, and four in five attempts among them.",
        "payments",
        wait="2m",
        keep="30m",
    ),
    Alert(
        "PaymentMismatched",
        Tier.WARNING,
        Kind.NEVER,
        "finance",
        f"{count_of(ODD_MONEY, '1h', 'provider', outcome=OddMoney.MISMATCHED)} > 0.5",
        "{{ printf `%.0f` $value }} payments at {{ $labels.provider }} have another amount or currency than their order",
        "The money is there and the tickets are not: each of them waits for a person.",
        "payments",
        keep="1h",
    ),
    Alert(
        "RevenueAnomaly",
        Tier.WARNING,
        Kind.BUSINESS,
        "festival",
        f"{_TAKEN} / ({_TAKEN_BEFORE} > {_NOTABLE}) < 0.4"
        f" and on () sum(increase({_STARTED}[{{1h}}])) > 0.8 * sum(increase({_STARTED}[{{1h}}] offset {{1h}}))",
        "This hour took {{ $value | humanizePercentage }} of the {{ $labels.currency }} of the hour before,"
        " though as many check out",
        "People still want to buy; somewhere between the checkout and the money they are lost.",
        "revenue",
        wait="15m",
        keep="30m",
    ),
)

"""All scenarios, once. To add one: a row here; the kinds of users are in `users/`, those of faults in `faults.py`.

Rates suit one `serve` on a small machine, where everything else runs too; `scaled` makes them larger. The gate plays some
of them in small, people all of them at length.
"""

from collections.abc import Mapping

from loadtests.result import Outcome
from loadtests.stages import Fault, Scenario, closed, rising, steady

# A day of sales: most look, one in ten buys, the gateway tells of it, some look at their order, support does its work.
DAY = {"visitor": 78, "buyer": 9, "abandoner": 1, "webhook": 6, "returning": 3, "support": 3}
SALE = {"visitor": 40, "buyer": 50, "abandoner": 10}
ORDERS = {"shopper": 1.0}  # checks out, pays, looks once: no thinking, no waiting
STORM = {"storm": 90, "buyer": 10}
ATTACK = {"tester": 50, "visitor": 30, "buyer": 20}
CEILINGS = {"cpu_ms_per_request": 40, "statements_per_request": 40, "pool_wait_p99_s": 0.5, "rss_mb_per_minute": 40}
_LEVELS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)  # at once
_STRIPE = {"match": {"provider": "stripe"}}
_SLOW_CHECKOUT = ("CheckoutLatencyBurn", "CheckoutLatencyOnSaleBurn")  # alerts
_FULL = (
    *("CheckoutAvailabilityBurn", "CheckoutAvailabilityOnSaleBurn", "StoreAvailabilityBurn"),
    *("DbPoolExhausted", "DbPoolTimeouts"),
)
_TURNED_AWAY = (Outcome.REFUSED,)
_BROKEN = (Outcome.REFUSED, Outcome.FAILED)

_ALL = (
    Scenario(
        name="smoke",
        what="A little of everything: does it work at all?",
        stages=(steady(20, 15, DAY | {"buyer": 15}),),
        ceilings=CEILINGS,
    ),
    Scenario(
        name="steady",
        what="A good day: people look, some buy, support works.",
        stages=(rising(5, 5, 30, DAY), steady(55, 30, DAY)),
        ceilings=CEILINGS,
    ),
    Scenario(
        name="on-sale-burst",
        what="The sale opens: from nobody to the peak in seconds, all want the same passes, and they end.",
        stages=(rising(5, 0, 16, SALE), steady(10, 16, SALE), rising(5, 16, 4, SALE)),
        wants=("full-pass",),
        seats=100,
        allows=_TURNED_AWAY,
        ceilings=CEILINGS,
    ),
    Scenario(
        name="webhook-storm",
        what="The gateway tells everything ten times and in disorder, while people go on buying.",
        stages=(rising(5, 10, 60, STORM), steady(20, 60, STORM), rising(5, 60, 10, STORM)),
        faults=(Fault(at_s=0, until_s=30, kind="wire", args={"effects": {"duplicate": 9, "reorder": 8}}),),
        ceilings=CEILINGS,
    ),
    Scenario(
        name="slow-gateway",
        what="The gateway needs three seconds for each answer; what does not need it stays quick.",
        stages=(steady(40, 20, DAY | {"buyer": 15}),),
        faults=(Fault(at_s=10, until_s=30, kind="wire", args=_STRIPE | {"effects": {"latency_ms": 3_000}}),),
        tolerates=(*_SLOW_CHECKOUT, "GatewayOutage"),
        allows=_TURNED_AWAY,
    ),
    Scenario(
        name="gateway-down",
        what="The first gateway fails every call: buyers go on at the other one, and nobody waits for it.",
        stages=(steady(60, 15, DAY | {"buyer": 30}),),
        faults=(Fault(at_s=10, until_s=50, kind="wire", args=_STRIPE | {"effects": {"error": {"status": 500}}}),),
        expects=("GatewayOutage",),
        tolerates=("PaymentSuccessBurn", "TicketsPromptBurn", "FailoverActiveTooLong"),
        allows=_TURNED_AWAY,
    ),
    Scenario(
        name="database-hiccup",
        what="The database stands still for two seconds; everybody waits, nobody loses anything.",
        stages=(steady(30, 20, DAY | {"buyer": 15}),),
        faults=(Fault(at_s=10, until_s=12, kind="database.still"),),
        allows=_BROKEN,
    ),
    Scenario(
        name="soak",
        what="An hour of the same: does anything grow that should not?",
        stages=(steady(3_600, 20, DAY),),
        ceilings=CEILINGS | {"rss_mb_per_minute": 1},
    ),
    Scenario(
        name="ramp",
        what="More and more at once, step by step, each without rest: where is the knee?",
        stages=tuple(closed(8, users, ORDERS) for users in _LEVELS),
        allows=_TURNED_AWAY,
        drains=False,
        watched=False,
    ),
    Scenario(
        name="overload-recovery",
        what="Far more than it can take, then an ordinary day again: how soon is everything as before?",
        stages=(steady(10, 15, DAY), steady(10, 80, SALE), steady(30, 15, DAY)),
        tolerates=(*_SLOW_CHECKOUT, *_FULL),
        allows=_BROKEN,
    ),
    Scenario(
        name="card-testing",
        what="Somebody tries stolen cards from one address; real buyers come from theirs and get through.",
        stages=(steady(30, 12, ATTACK),),
        tolerates=("CardTesting",),  # our limits may stop him before it is a siege
        allows=_TURNED_AWAY,
        # Each person's own address counts, and what one may do is as in production.
        settings={"CUBANO_TRUSTED_HOPS": "1", "CUBANO_RATE_LIMITS": "0.03"},
    ),
)

SCENARIOS: Mapping[str, Scenario] = {each.name: each for each in _ALL}

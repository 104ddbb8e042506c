"""What a gateway does to us."""

from monitoring.case import Case, critical, limit, warning

_CALL = 'http_client_request_duration_seconds_{}{{job="serve",instance="a",provider="stripe",operation="o",outcome="{}"{}}} '
_UP = 'up{job="serve",instance="a"} 1x300\n'
_FAILING = _UP + _CALL.format("count", "timeout", "") + "_x5 #x10\n" + _CALL.format("count", "ok", "") + "5+#x20"
_OPEN = 'cubano_gateway_breaker{job="work",instance="b",provider="paypal",state="#"} 1x10'
_SLOW = "\n".join(_CALL.format("bucket", "ok", f',le="{le}"') + "0+#x40" for le in ("2.5", "5.0", "+Inf"))
_ANSWERED = "\n" + _CALL.format("count", "ok", "") + "0+#x40"

CASES = (
    *limit(
        "GatewayOutage",
        _FAILING,
        "8m",
        critical("stripe does not answer: 75% of the calls fail or are held back", provider="stripe"),
        fires=("12+6", 2),  # the first failures bring their series into being
        silent=("12+6", 7),
        few=("3+1", 0),
    ),
    *limit(
        "GatewayOutage",
        _OPEN,
        "3m",
        critical("paypal does not answer: 100% of the calls fail or are held back", provider="paypal"),
        fires="half_open",
        silent="closed",
    ),
    *limit(
        "GatewaySlow",
        _SLOW + _ANSWERED,
        "20m",
        warning("stripe is slow: one call in twenty takes longer than 4.7s", provider="stripe"),
        fires=(35, 60, 60, 60),
        silent=(57, 60, 60, 60),
        few=(0, 3, 3, 3),
    ),
    *limit(
        "GatewayRateLimited",
        _UP + _CALL.format("count", "rate_limited", "") + "_x5 #x20",
        "14m",
        warning("stripe turned 10 calls away in five minutes, because we call too often", provider="stripe"),
        fires="2+2",
        silent="1+0.8",
    ),
    *limit(
        "GatewayAuthFailing",
        _UP + _CALL.format("count", "auth", "") + "_x5 #x20",
        "7m",
        critical("stripe refused our key 3 times in five minutes", provider="stripe"),
        fires="3+0",
        silent="2+0",
    ),
    Case(
        "GatewayAuthFailing",
        "what was counted before Prometheus looked is no news",
        _CALL.format("count", "auth", "") + "_x5 900x20",
        "7m",
    ),
    Case(
        "GatewayAuthFailing",
        "what was counted before a gap in the reading is no news",
        'up{job="serve",instance="a"} 1x5 0x10 1x20\n' + _CALL.format("count", "auth", "") + "900x5 _x10 900x20",
        "18m",
    ),
    *limit(
        "FailoverActiveTooLong",
        'cubano_failovers_total{provider="stripe",reason="breaker"} 0+1x# #x200',
        "145m",
        warning(
            "For two hours checkouts have gone past stripe, which is the first choice: 30 in the last half hour",
            provider="stripe",
        ),
        fires=(200, 200),
        silent=(60, 60),
    ),
    *limit(
        "ControlAwayTooLong",
        'cubano_control{control="sales"} 0x10 1x# 0x300',
        "252m",
        warning("The switch sales has not been in its normal position for four hours", control="sales"),
        fires=245,
        silent=200,
    ),
)

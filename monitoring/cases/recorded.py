"""From raw series to recorded ones, and from those to an alert; a value every fifteen seconds, as in production."""

from monitoring.case import Reading, filled

_TARGET = 'job="serve",instance="a"'
_CHECKOUT = f'{_TARGET},http_request_method="POST",http_route="/api/payment/checkout-session"'
_UP = f"up{{{_TARGET}}} 1x200\n"


def _answers(code: int, values: str, part: str = "count", le: str = "") -> str:
    more = f',le="{le}"' if le else ""
    name = f"http_server_request_duration_seconds_{part}"
    return f'{name}{{{_CHECKOUT},http_response_status_code="{code}",error_type=""{more}}} {values}\n'


# Six requests a minute, all quick, half of them for ten minutes faulty; the series of the faults is born with the first.
_GOOD = _answers(201, "0+1.5x200") + _answers(201, "0+1.5x200", "bucket", "2.5")
_FAULTS = _answers(503, "_x100 5+1.5x100") + _answers(503, "_x100 5+1.5x100", "bucket", "2.5")
_CLOSED = _FAULTS.replace('error_type=""', 'error_type="Maintenance"')
# The same faults, told by a container that came with them: nobody has read its address before.
_NEW = _FAULTS.replace('instance="a"', 'instance="b"') + 'up{job="serve",instance="b"} _x100 1x100\n'
_STARTED = 'process_start_time_seconds{job="serve",instance="b"} _x100 #x100\n'
_FLOOD = _answers(429, "0+60x200") + _answers(429, "0+60x200", "bucket", "2.5")
_SLOW = _answers(201, "0+1x200") + _answers(201, "0+0.75x200", "bucket", "2.5")
_PAYMENTS = """cubano_payment_attempts_total{provider="stripe",outcome="approved",category="none"} 0+1x200
cubano_payment_attempts_total{provider="stripe",outcome="declined",category="fraud"} 0+2x200
cubano_payment_attempts_total{provider="stripe",outcome="error",category="none"} 0+1x200
cubano_payment_attempts_total{provider="stripe",outcome="abandoned",category="none"} 0+9x200
"""
# Ten quiet minutes in which half is approved, then eighty of an attack.
_SIEGE = """cubano_payment_attempts_total{provider="stripe",outcome="approved",category="none"} 0+1x400
cubano_payment_attempts_total{provider="stripe",outcome="declined",category="fraud"} 0+1x40 40+50x360
"""
_FIRING = 'count(ALERTS{alertstate="firing",alertname="%s",severity="critical"})'

_DAY = "sum(cubano:payment_success:bad:increase1d)"
_SOME = _UP + _GOOD + _FAULTS + _PAYMENTS

CASES = (
    Reading(
        "a fault counts from the first on, though its series is born with it",
        _SOME,
        "27m",
        {
            "round(sum(cubano:checkout_availability:bad:increase5m))": "17",
            "round(sum(cubano:checkout_availability:bad:ratio5m) * 100)": "36",
        },
    ),
    Reading(
        "so it does when it is told by a new container",
        _UP + _GOOD + _NEW + filled(_STARTED, 1495),
        "27m",
        {"round(sum(cubano:checkout_availability:bad:increase5m))": "17"},
    ),
    Reading(
        "what an old process counted before anybody read it is of no use for now",
        _UP + _GOOD + _NEW.replace("5+1.5x100", "500x100") + filled(_STARTED, 10),
        "27m",
        {"round(sum(cubano:checkout_availability:bad:increase5m))": "0"},
    ),
    Reading(
        "a decline is an answer, an error is not, and who leaves was not asked for",
        _SOME,
        "30m",
        {"sum(cubano:payment_success:bad:ratio5m)": "0.25"},
    ),
    Reading(
        "what is declined while hardly anything is approved is never learned as usual",
        _UP + _SIEGE,
        "90m",
        {
            "max(max_over_time(cubano:payments:declined_in_peace:increase5m[1d])) < bool 100": "1",  # it began
            "min(min_over_time(cubano:payments:declined:increase5m[30m])) > bool 900": "1",
            f"{_FIRING % 'CardTesting'}": "1",
        },
    ),
    Reading(
        "days are added up from five minutes",
        _SOME,
        "30m",
        {
            "round(sum(cubano:payment_success:bad:ratio1d) * 100)": "25",
            "round(sum(cubano:payment_success:budget:remaining))": "-49",
            f"{_DAY} > bool 90 and {_DAY} < bool 125": "1",
        },
    ),
    Reading(
        "from faulty answers to a page",
        _SOME,
        "34m",
        {_FIRING % "CheckoutAvailabilityBurn": "1", _FIRING % "CheckoutLatencyBurn": ""},
    ),
    Reading(
        "nothing bad is a zero, and an objective that nobody tried is nothing",
        _UP + _GOOD,
        "20m",
        {
            "sum(cubano:checkout_availability:bad:increase5m)": "0",
            "sum(cubano:checkout_latency:bad:ratio5m)": "0",
            "sum(cubano:checkout_availability:budget:remaining)": "1",
            "sum(cubano:payment_success:bad:ratio5m)": "",
        },
    ),
    Reading(
        "what an operator has closed is neither good nor bad",
        _UP + _GOOD + _CLOSED,
        "27m",
        {
            "round(sum(cubano:checkout_availability:total:increase5m))": "30",
            "sum(cubano:checkout_availability:bad:increase5m)": "0",
        },
    ),
    Reading(
        "a flood that is turned away as too many is neither, and does not hide a fault",
        _UP + _GOOD + _FLOOD + _FAULTS,
        "27m",
        {
            "round(sum(cubano:checkout_availability:bad:ratio5m) * 100)": "36",
            "round(sum(cubano:checkout_latency:total:increase5m))": "47",
        },
    ),
    Reading(
        "what takes longer than the objective is bad",
        _UP + _SLOW,
        "20m",
        {"round(sum(cubano:checkout_latency:bad:ratio5m) * 100)": "25"},
    ),
    Reading(
        "one error at three in the morning burns nothing",
        _UP + _answers(201, "0+0.1x200") + _answers(503, "_x60 1x140"),
        "20m",
        {_FIRING % "CheckoutAvailabilityBurn": "", "sum(cubano:checkout_availability:bad:increase1h) < bool 2": "1"},
    ),
)

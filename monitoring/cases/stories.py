"""Quarters of an hour in which nobody must be woken, read by all rules together."""

from monitoring.case import Reading

_LOOPS = ("inbox-0", "mail-0", "checkout-0", "capture-0", "refund-0", "expiry", "sweep-stripe")
_TICKETS = 'count(ALERTS{alertstate="firing",severity=~"critical|warning"}) or vector(0)'


def _beats(values: str) -> str:
    name = 'cubano_worker_heartbeat_timestamp_seconds{job="work",instance="w",loop="%s"} '
    return "".join(f"{name % loop}{values}\n" for loop in _LOOPS)


def _counted(name: str, labels: str, values: str) -> str:
    return f'{name}{{job="serve",instance="a",provider="stripe",{labels}}} {values}\n'


_ALIVE = """up{job="serve",instance="a"} 1x200
up{job="work",instance="w"} 1x200
cubano_db_up{job="serve",instance="a"} 1x200
cubano_payment_attempts_total{job="work",instance="w",provider="stripe",outcome="error",category="none"} 0x200
cubano_sweep_last_timestamp_seconds{provider="stripe"} 0+15x200
cubano_invariant_violations{invariant="journal-zero"} 0x200
cubano_gateway_breaker{job="serve",instance="a",provider="stripe",state="open"} 0x200
"""
_BEATING = _beats("0+15x200")
_OPENED = _counted("cubano_checkouts_total", 'outcome="opened"', "0+2x200")
_APPROVED = 'outcome="approved",category="none"'
_DECLINED = 'outcome="declined",category="insufficient_funds"'
_NOTHING = _counted("cubano_checkouts_total", 'outcome="opened"', "0x200") + _counted(
    "cubano_payment_attempts_total", _APPROVED, "0x200"
)
_CALL = (
    'http_client_request_duration_seconds_count{job="serve",instance="a",provider="stripe",operation="o",outcome="%s"} '
)

CASES = (
    Reading("a night in which nobody comes", _ALIVE + _BEATING + _NOTHING, "20m", {_TICKETS: "0"}),
    Reading(
        "one error at three in the morning",
        _ALIVE
        + _BEATING
        + _NOTHING
        + _counted("cubano_checkouts_total", 'outcome="gateway_error"', "0x60 1x140")
        + _CALL % "timeout"
        + "_x60 1x140\n",
        "20m",
        {_TICKETS: "0"},
    ),
    Reading(
        "a crowd whose banks decline two in three",
        _ALIVE
        + _BEATING
        + _OPENED
        + _counted("cubano_payment_attempts_total", _APPROVED, "0+1x200")
        + _counted("cubano_payment_attempts_total", _DECLINED, "0+2x200")
        + _counted("cubano_webhooks_total", 'result="accepted"', "0+3x200"),
        "20m",
        {_TICKETS: "0"},
    ),
    Reading(
        "a deploy restarts both processes, and counters begin anew",
        _ALIVE.replace('instance="w"} 1x200', 'instance="w"} 1x80 0x2 1x118')
        + _beats("0+15x80 _x2 1245+15x118")
        + _counted("cubano_checkouts_total", 'outcome="opened"', "0+2x80 _x2 0+2x118")
        + _counted("cubano_payment_attempts_total", _APPROVED, "0+1x80 _x2 0+1x118")
        + _counted("cubano_webhooks_total", 'result="accepted"', "0+1x80 _x2 0+1x118")
        + 'process_start_time_seconds{job="work",instance="w"} 0x80 _x2 1230x118\n',
        "22m",
        {_TICKETS: "0"},
    ),
)

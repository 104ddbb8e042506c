"""Gateway health: whether Stripe and PayPal answer, how fast, what they tell us, and where checkouts go instead."""

from monitoring import signals
from monitoring.dashboards import links
from monitoring.dashboards.everywhere import seen
from monitoring.dashboards.panels import (
    PROVIDER,
    RANGE,
    RATE,
    Colour,
    Page,
    Panel,
    Query,
    Row,
    at_least,
    chart,
    from_,
    stat,
    timeline,
)
from monitoring.dashboards.promises import close_to, promised, too_slow
from monitoring.signals import Like, Unlike
from service.telemetry import catalogue
from service.telemetry.objectives import PAYMENT_SUCCESS, WEBHOOKS_FRESH

_MINE = {"provider": Like(PROVIDER)}
_SLOW_S = 3  # a call; the playbook GatewaySlow begins here
_SILENT_S = 900  # without a webhook while people pay


def page() -> Page:
    """Before calling a gateway's support, and before sending checkouts elsewhere."""
    return Page(
        "gateways",
        "Gateway health",
        "Do the gateways answer, do we hear from them, and where do checkouts go meanwhile?",
        (_reachable(), _calls(), _webhooks(), _turned()),
    )


def _reachable() -> Row:
    return Row(
        "Do they answer?",
        (_attempts_answered(), _calls_without_an_answer(), _calls_slowest_tail(), _last_webhook(), _circuit_breakers()),
    )


def _attempts_answered() -> Panel:
    attempts = signals.count_of(
        catalogue.PAYMENT_ATTEMPTS, RANGE, "provider", outcome=("approved", "declined"), **_MINE
    )
    whole = signals.count_of(
        catalogue.PAYMENT_ATTEMPTS, RANGE, "provider", outcome=("approved", "declined", "error"), **_MINE
    )
    return stat(
        "Attempts answered",
        "By provider, in the time shown: yes or no of a bank. The limit is the objective's.",
        Query(signals.share(attempts, whole), "{{provider}}"),
        unit="percentunit",
        steps=at_least(promised(PAYMENT_SUCCESS), close_to(PAYMENT_SUCCESS)),
        decimals=1,
        most=1,
        wide=6,
    )


def _calls_without_an_answer() -> Panel:
    bad = signals.count_of(catalogue.HTTP_CLIENT_DURATION, RANGE, "provider", outcome=Unlike("ok|rejected"), **_MINE)
    calls = signals.count_of(catalogue.HTTP_CLIENT_DURATION, RANGE, "provider", **_MINE)
    return stat(
        "Calls without an answer",
        "Share of calls that timed out, failed or were limited, by provider, in the time shown.",
        Query(f"({bad} or {calls} * 0) / ({calls} > 0)", "{{provider}}"),
        unit="percentunit",
        steps=from_(0.01, 0.1),
        decimals=1,
        wide=6,
        links=(links.playbook("GatewayOutage"),),
    )


def _calls_slowest_tail() -> Panel:
    return stat(
        "Calls, slowest 5 %",
        "By provider. From three seconds on buyers feel it, and time-outs begin at ten.",
        Query(signals.quantile("0.95", catalogue.HTTP_CLIENT_DURATION, RATE, "provider", **_MINE), "{{provider}}"),
        unit="s",
        steps=from_(_SLOW_S / 2, _SLOW_S),
        wide=6,
        links=(links.playbook("GatewaySlow"),),
    )


def _last_webhook() -> Panel:
    return stat(
        "Last webhook",
        "How long ago each was last heard. Silence while people pay: the sweep finds what was missed.",
        Query(signals.since(catalogue.WEBHOOK_LAST, "provider", **_MINE), "{{provider}}"),
        unit="s",
        steps=from_(_SILENT_S / 3, _SILENT_S),
        wide=6,
        links=(links.playbook("WebhookSilence"),),
    )


def _circuit_breakers() -> Panel:
    states = "{open} * 2 > 0 or {half} > 0 or {closed} * 0".format(
        **{
            name: signals.most(catalogue.GATEWAY_BREAKER, "provider", state=state, **_MINE)
            for name, state in (("open", "open"), ("half", "half_open"), ("closed", "closed"))
        }
    )
    return timeline(
        "Circuit breakers",
        "Open: checkouts are not sent there, and buyers get another way to pay. Half open: one is tried.",
        Query(states, "{{provider}}"),
        names=(
            ("0", "closed", Colour.GREEN),
            ("1", "half open", Colour.YELLOW),
            ("2", "open", Colour.RED),
        ),
        steps=((None, Colour.GREEN), (1, Colour.YELLOW), (2, Colour.RED)),
        high=5,
    )


def _calls() -> Row:
    ends = signals.rate_of(catalogue.HTTP_CLIENT_DURATION, RATE, "provider, outcome", **_MINE)
    slow = signals.quantile("0.95", catalogue.HTTP_CLIENT_DURATION, RATE, "provider, operation", **_MINE)
    wait = signals.quantile("0.95", catalogue.GATEWAY_WAIT, RATE, "provider, priority", **_MINE)
    return Row(
        "How do calls go?",
        (
            chart(
                "Calls, a minute",
                "By how they ended. `auth` is our key, `rate_limited` our haste, `timeout` and `error` are theirs.",
                Query(seen(f"{ends} * 60", "provider"), "{{provider}} {{outcome}}"),
                unit="short",
                stacked=True,
                wide=8,
                data_links=(links.FAILED,),
            ),
            chart(
                "Duration, slowest 5 %",
                "By operation, retries included; the dots are traces. Only one slow: ask their status page about it.",
                Query(slow, "{{provider}} {{operation}}", exemplar=True),
                unit="s",
                steps=from_(_SLOW_S),
                wide=8,
                data_links=(links.traces("Traces of gateway calls", "duration > 1s"),),
            ),
            chart(
                "Wait for a turn, slowest 5 %",
                "Calls wait here so that the gateway's limit is not met. Checkouts go first; bookkeeping may wait long.",
                Query(wait, "{{provider}} {{priority}}", exemplar=True),
                unit="s",
                wide=8,
            ),
        ),
    )


def _webhooks() -> Row:
    results = signals.rate_of(catalogue.WEBHOOKS, RATE, "provider, result", **_MINE)
    lag = signals.quantile("0.95", catalogue.WEBHOOK_LAG, RATE, "provider", **_MINE)
    found = signals.rate_of(catalogue.RECOVERED, RATE, "provider, found_by", **_MINE)
    return Row(
        "Do we hear from them?",
        (
            chart(
                "Webhooks, a minute",
                "By what became of them at the door.",
                Query(seen(f"{results} * 60", "provider"), "{{provider}} {{result}}"),
                unit="short",
                stacked=True,
                wide=8,
            ),
            chart(
                "How late they come, slowest 5 %",
                "From the gateway's moment to our door. Rising lines: their queue, or ours was away and they repeat.",
                Query(lag, "{{provider}}", exemplar=True),
                unit="s",
                steps=from_(too_slow(WEBHOOKS_FRESH)),
                wide=8,
                links=(links.playbook("WebhookLagHigh"),),
            ),
            chart(
                "Found without a webhook, a minute",
                "What we went and asked for. Steady above nothing: webhooks do not arrive.",
                Query(seen(f"{found} * 60", "provider"), "{{provider}} {{found_by}}"),
                unit="short",
                wide=8,
                links=(links.playbook("WebhookMissedEvents"),),
            ),
        ),
    )


def _turned() -> Row:
    return Row(
        "Where do checkouts go?",
        (_checkouts_opened_a_minute(), _sent_elsewhere_a_minute(), _listed_up_to(), _calls_time_shown()),
    )


def _checkouts_opened_a_minute() -> Panel:
    opened = signals.rate_of(catalogue.CHECKOUTS, RATE, "provider", outcome="opened", **_MINE)
    return chart(
        "Checkouts opened, a minute",
        "By provider. One that falls while the other rises is a failover at work.",
        Query(f"{opened} * 60", "{{provider}}"),
        unit="short",
        stacked=True,
        wide=8,
    )


def _sent_elsewhere_a_minute() -> Panel:
    sent = signals.rate_of(catalogue.FAILOVERS, RATE, "provider, reason", **_MINE)
    return chart(
        "Sent elsewhere, a minute",
        "Checkouts that did not go to the first choice, and why.",
        Query(seen(f"{sent} * 60", "provider"), "{{provider}} {{reason}}"),
        unit="short",
        wide=8,
        links=(links.playbook("FailoverActiveTooLong"),),
    )


def _listed_up_to() -> Panel:
    return stat(
        "Listed up to",
        "How long ago a gateway's own list of events was last read to the end: what webhooks lose is found here.",
        Query(signals.since(catalogue.SWEPT, "provider", **_MINE), "{{provider}}"),
        unit="s",
        steps=from_(600, 1800),
        nothing="not yet",
        high=8,
    )


def _calls_time_shown() -> Panel:
    return stat(
        "Calls, time shown",
        "All calls to each gateway.",
        Query(signals.count_of(catalogue.HTTP_CLIENT_DURATION, RANGE, "provider", **_MINE), "{{provider}}"),
        unit="short",
        decimals=0,
        high=8,
    )

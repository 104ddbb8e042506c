"""Error patterns: what fails, where, since when, and whether it is ours, a gateway's or somebody's who tries things out."""

from monitoring import signals
from monitoring.dashboards import links
from monitoring.dashboards.everywhere import dead_letters, seen
from monitoring.dashboards.panels import (
    PROVIDER,
    RANGE,
    RATE,
    Column,
    Page,
    Panel,
    Query,
    Row,
    bars,
    chart,
    from_,
    stat,
    table,
)
from monitoring.signals import Like, Unlike
from service.telemetry import catalogue

_MINE = {"provider": Like(PROVIDER)}
_FAULT = {"http_response_status_code": Like("5..")}


def page() -> Page:
    """The second page of an incident: what exactly is failing."""
    return Page(
        "errors",
        "Error patterns",
        "What fails, since when, and is it ours, a gateway's, or somebody's who tries things out?",
        (_whether(), _answers(), _gateways(), _behind(), _refused(), _promises()),
    )


def _whether() -> Row:
    return Row(
        "Is something failing?",
        (
            _requests_we_failed(),
            _calls_gateways_failed(),
            _turns_the_worker_failed(),
            dead_letters(),
            _broken_promises(),
            _telemetry_lost(),
        ),
    )


def _requests_we_failed() -> Panel:
    ours = signals.rate_of(catalogue.HTTP_SERVER_DURATION, RATE, **_FAULT)
    every = signals.rate_of(catalogue.HTTP_SERVER_DURATION, RATE)
    return stat(
        "Requests we failed",
        "Share of answers 5xx of the store and the API.",
        Query(f"({ours} or vector(0)) / ({every} > 0)"),
        unit="percentunit",
        steps=from_(0.001, 0.01),
        decimals=2,
    )


def _calls_gateways_failed() -> Panel:
    theirs = signals.rate_of(catalogue.HTTP_CLIENT_DURATION, RATE, outcome=Unlike("ok|rejected"), **_MINE)
    calls = signals.rate_of(catalogue.HTTP_CLIENT_DURATION, RATE, **_MINE)
    return stat(
        "Calls gateways failed",
        "Share of calls without an answer that counts: time-outs, 5xx, limits, refused keys. Declines are answers.",
        Query(f"({theirs} or vector(0)) / ({calls} > 0)"),
        unit="percentunit",
        steps=from_(0.01, 0.1),
        decimals=2,
        links=(links.dashboard("gateways", "Gateways"),),
    )


def _turns_the_worker_failed() -> Panel:
    return stat(
        "Turns the worker failed",
        "Whole turns of its loops, in the time shown; one now and then repeats by itself.",
        Query(signals.count_of(catalogue.WORKER_FAILURES, RANGE)),
        unit="short",
        steps=from_(1, 10),
        decimals=0,
        links=(links.dashboard("queues", "Queues"),),
    )


def _broken_promises() -> Panel:
    return stat(
        "Broken promises",
        "Rows that break an invariant: never anything but 0.",
        Query(f"sum({signals.most(catalogue.INVARIANT, 'invariant')})"),
        unit="short",
        steps=from_(1),
        decimals=0,
        links=(links.playbook("InvariantBroken"),),
    )


def _telemetry_lost() -> Panel:
    return stat(
        "Telemetry lost",
        "Spans, log lines and label values that could not be kept, in the time shown: this page sees less.",
        Query(signals.count_of(catalogue.TELEMETRY_DROPPED, RANGE)),
        unit="short",
        steps=from_(1, 100),
        decimals=0,
    )


def _answers() -> Row:
    return Row(
        "Which requests go wrong?",
        (_answers_that_are_no_success_a_minute(), _where(), _kinds_of_errors()),
    )


def _answers_that_are_no_success_a_minute() -> Panel:
    codes = signals.rate_of(
        catalogue.HTTP_SERVER_DURATION, RATE, "http_response_status_code", http_response_status_code=Unlike("2..|3..")
    )
    return chart(
        "Answers that are no success, a minute",
        "By status. 409 is sold out, 422 a wish that makes no sense, 429 a limit of ours, 5xx a fault of ours.",
        Query(seen(f"{codes} * 60", "http_response_status_code"), "{{http_response_status_code}}"),
        unit="short",
        stacked=True,
        wide=10,
        data_links=(links.FAULTS, links.FAILED),
    )


def _where() -> Panel:
    by = "http_request_method, http_route, http_response_status_code"
    worst = signals.count_of(catalogue.HTTP_SERVER_DURATION, RANGE, by, http_response_status_code=Like("[45].."))
    return table(
        "Where",
        "Routes with the most answers 4xx and 5xx in the time shown.",
        Query(f"topk(12, ceil({worst}) > 0)"),
        columns=(
            Column("http_request_method", "Method"),
            Column("http_route", "Route"),
            Column("http_response_status_code", "Status"),
            Column("Value", "Answers"),
        ),
        wide=9,
        nothing="none",
    )


def _kinds_of_errors() -> Panel:
    kinds = signals.count_of(catalogue.HTTP_SERVER_DURATION, RANGE, "error_type", error_type=Unlike(""))
    return bars(
        "Kinds of errors",
        "What was raised, or the status, in the time shown.",
        Query(f"topk(8, {kinds} > 0)", "{{error_type}}"),
        unit="short",
        decimals=0,
        wide=5,
        nothing="none",
    )


def _gateways() -> Row:
    failed = signals.rate_of(catalogue.HTTP_CLIENT_DURATION, RATE, "provider, outcome", outcome=Unlike("ok"), **_MINE)
    attempts = signals.rate_of(catalogue.PAYMENT_ATTEMPTS, RATE, "provider, category", outcome="declined", **_MINE)
    doors = signals.rate_of(catalogue.WEBHOOKS, RATE, "provider, result", result=Unlike("accepted"), **_MINE)
    return Row(
        "Is it a gateway, a bank, or the way between?",
        (
            chart(
                "Calls that failed, a minute",
                "By provider and how. `rejected` is our request or a declined card, the rest is theirs or the network.",
                Query(seen(f"{failed} * 60", "provider"), "{{provider}} {{outcome}}"),
                unit="short",
                wide=8,
                data_links=(links.FAILED,),
            ),
            chart(
                "Declines, a minute",
                "By reason. They are no fault; a new pattern is fraud or a bank's trouble.",
                Query(seen(f"{attempts} * 60", "provider"), "{{provider}} {{category}}"),
                unit="short",
                wide=8,
                stacked=True,
            ),
            chart(
                "Webhooks not taken, a minute",
                "Duplicates are usual. Bad signatures mean a wrong secret on one side, or somebody else.",
                Query(seen(f"{doors} * 60", "provider"), "{{provider}} {{result}}"),
                unit="short",
                wide=8,
                data_links=(links.FAULTS,),
            ),
        ),
    )


def _behind() -> Row:
    inbox = signals.rate_of(catalogue.INBOX_APPLIED, RATE, "kind, outcome", outcome=("parked", "retried", "dead"))
    outbox = signals.rate_of(catalogue.OUTBOX_DELIVERED, RATE, "kind, outcome", outcome=("retried", "dead"))
    loops = signals.rate_of(catalogue.WORKER_FAILURES, RATE, "loop")
    return Row(
        "Does work behind the scenes fail?",
        (
            chart(
                "Events that did not go through, a minute",
                "`retried` comes again by itself, `parked` waits for what it needs, `dead` for a person.",
                Query(seen(f"{inbox} * 60", "kind"), "{{kind}} {{outcome}}"),
                unit="short",
                wide=8,
            ),
            chart(
                "Messages that did not go out, a minute",
                "Letters, refunds and captures that will be tried again, or not any more.",
                Query(seen(f"{outbox} * 60", "kind"), "{{kind}} {{outcome}}"),
                unit="short",
                wide=8,
            ),
            chart(
                "Turns of the worker that failed, a minute",
                "One loop alone is its own matter; all at once is the database.",
                Query(seen(f"{loops} * 60", "loop"), "{{loop}}"),
                unit="short",
                wide=8,
            ),
        ),
    )


def _refused() -> Row:
    guards = signals.rate_of(catalogue.ACCESS, RATE, "outcome", outcome=Unlike("allowed"))
    limits = signals.rate_of(catalogue.LIMITS, RATE, "zone", verdict="limited")
    signs = signals.rate_of(catalogue.SIGN_INS, RATE, "outcome")
    return Row(
        "Is somebody trying things out?",
        (
            chart(
                "Refused by the guard, a minute",
                "Requests without the right credential. A hill of `unknown` or `revoked` is somebody with old keys.",
                Query(seen(f"{guards} * 60", "outcome"), "{{outcome}}"),
                unit="short",
                wide=7,
            ),
            chart(
                "Over a limit, a minute",
                "By zone, and what an operator sheds. Customers in `checkout` or `pages` are money: raise the factor.",
                Query(seen(f"{limits} * 60", "zone"), "{{zone}}"),
                Query(seen(f"{signals.rate_of(catalogue.SHED, RATE, 'what')} * 60", "what"), "shed: {{what}}"),
                unit="short",
                wide=7,
            ),
            chart(
                "Sign-ins of staff, a minute",
                "By how each step ended. Many wrong passwords are a guesser; accounts lock by themselves.",
                Query(seen(f"{signs} * 60", "outcome"), "{{outcome}}"),
                unit="short",
                wide=6,
            ),
            stat(
                "Card numbers refused",
                "Requests in which a card number seemed to stand, in the time shown. None was kept.",
                Query(signals.count_of(catalogue.CARDS_REFUSED, RANGE)),
                unit="short",
                decimals=0,
                steps=from_(1, 20),
                high=8,
            ),
        ),
    )


def _promises() -> Row:
    return Row(
        "Is a promise broken?",
        (
            table(
                "Rows that break an invariant",
                "Empty is good. Any row is an incident: the playbook says who is woken and what is looked at first.",
                Query(f"{signals.most(catalogue.INVARIANT, 'invariant')} > 0"),
                columns=(Column("invariant", "Promise"), Column("Value", "Rows", steps=from_(1))),
                wide=16,
                high=6,
                nothing="all promises hold",
                links=(links.playbook("InvariantBroken"),),
            ),
            stat(
                "Promises checked",
                "How long ago all were last checked to the end. Old is not well: then the table beside says nothing.",
                Query(signals.since(catalogue.INVARIANTS_CHECKED)),
                unit="s",
                steps=from_(900, 3600),
                wide=8,
                high=6,
            ),
        ),
    )

"""Customer experience: what people feel, from the page in their browser to the letter with the tickets."""

from monitoring import signals
from monitoring.dashboards import links
from monitoring.dashboards.everywhere import seen
from monitoring.dashboards.panels import (
    RANGE,
    RATE,
    Page,
    Panel,
    Query,
    Row,
    at_least,
    bars,
    chart,
    from_,
    heatmap,
    stat,
)
from monitoring.dashboards.promises import STORE, promised, too_slow
from monitoring.signals import Like, Unlike
from service.telemetry import catalogue
from service.telemetry.objectives import STORE_AVAILABILITY, TICKETS_PROMPT

_PAGES = {"http_route": Like("/(en|es)(/.*)?"), "http_request_method": "GET"}
_SLOW_PAGE_S = 2.5  # https://web.dev/articles/lcp: good up to here
_POOR_PAGE_S = 4.0


def page() -> Page:
    """For whoever asks how it is to buy from us."""
    return Page(
        "experience",
        "Customer experience",
        "What do people feel from the first page to the letter with their tickets?",
        (_felt(), _pages(), _tries(), _errors(), _ours(), _letters()),
    )


def _felt() -> Row:
    return Row(
        "What do customers feel?",
        (
            _pages_that_open(),
            _until_the_page_is_there(),
            _paid_with_the_first_try(),
            _paid_to_ticket_slowest_tail(),
            _errors_read_a_minute(),
            _our_own_purchase(),
        ),
    )


def _pages_that_open() -> Panel:
    fine = signals.count_of(catalogue.HTTP_SERVER_DURATION, RANGE, **STORE.all)
    bad = signals.count_of(catalogue.HTTP_SERVER_DURATION, RANGE, **STORE.bad)
    return stat(
        "Pages that open",
        "Answers of the store that are neither a fault nor a limit of ours, in the time shown.",
        Query(f"1 - ({bad} or vector(0)) / ({fine} > 0)"),
        unit="percentunit",
        steps=at_least(promised(STORE_AVAILABILITY)),
        decimals=2,
        most=1,
    )


def _until_the_page_is_there() -> Panel:
    return stat(
        "Until the page is there",
        "From the click to a page that can be used, as browsers tell it.",
        Query(signals.quantile("0.75", catalogue.PAGE_SECONDS, RATE, measure="load")),
        unit="s",
        steps=from_(_SLOW_PAGE_S, _POOR_PAGE_S),
    )


def _paid_with_the_first_try() -> Panel:
    first = signals.select(catalogue.TRIES_TO_PAY, "_bucket", le=Like("1([.]0)?"))
    return stat(
        "Paid with the first try",
        "Share of orders that needed one attempt. Low means declines, a confusing page or a shaky gateway.",
        Query(f"sum(increase({first}[{RANGE}])) / ({signals.count_of(catalogue.TRIES_TO_PAY, RANGE)} > 0)"),
        unit="percentunit",
        steps=at_least(0.85, 0.7),
        decimals=0,
        most=1,
    )


def _paid_to_ticket_slowest_tail() -> Panel:
    return stat(
        "Paid to ticket, slowest 5 %",
        "The wait with an empty account and no ticket yet.",
        Query(signals.quantile("0.95", catalogue.PAID_TO_TICKET, RATE)),
        unit="s",
        steps=from_(too_slow(TICKETS_PROMPT) / 2, too_slow(TICKETS_PROMPT)),
    )


def _errors_read_a_minute() -> Panel:
    return stat(
        "Errors read, a minute",
        "Pages and answers that say something went wrong, sold out included.",
        Query(f"{signals.rate_of(catalogue.ERRORS_SHOWN, RATE)} * 60"),
        unit="short",
        decimals=1,
        steps=from_(5, 30),
        links=(links.dashboard("errors", "Error patterns"),),
    )


def _our_own_purchase() -> Panel:
    return stat(
        "Our own purchase",
        "How long ago the synthetic buyer last came as far as it goes: its ticket; with a live key the payment page.",
        Query(signals.since(catalogue.SYNTHETIC_SUCCEEDED)),
        unit="s",
        steps=from_(180, 300),
        nothing="no buyer",
        links=(links.playbook("SyntheticCheckoutFailing"),),
    )


def _pages() -> Row:
    server = signals.quantile("0.95", catalogue.HTTP_SERVER_DURATION, RATE, "http_route", **_PAGES)
    failed = signals.rate_of(catalogue.PAGE_ERRORS, RATE, "page")
    return Row(
        "Are the pages quick where people are?",
        (
            chart(
                "Page is there, slowest quarter",
                "In browsers, by page; the line is where it stops being good. Far above the server's figure: network or size.",
                Query(signals.quantile("0.75", catalogue.PAGE_SECONDS, RATE, "page", measure="load"), "{{page}}"),
                unit="s",
                steps=from_(_SLOW_PAGE_S),
                wide=8,
            ),
            chart(
                "The server's part, slowest 5 %",
                "By page. A hill here and none at the others is that page's query.",
                Query(server, "{{http_route}}", exemplar=True),
                unit="s",
                wide=8,
                data_links=(links.traces("Traces of this page", 'span.http.route = "${__field.labels.http_route}"'),),
            ),
            chart(
                "Errors in browsers, a minute",
                "Scripts and files that failed at the customer's; after a deploy it is the deploy.",
                Query(seen(f"{failed} * 60", "page"), "{{page}}"),
                unit="short",
                wide=8,
            ),
        ),
    )


def _tries() -> Row:
    tries = f"sum by (le) (increase({signals.select(catalogue.TRIES_TO_PAY, '_bucket')}[{RATE}]))"
    whole = signals.select(catalogue.CHECKOUT_TO_TICKET, "_bucket")
    return Row(
        "How much patience do they need?",
        (
            heatmap(
                "From order to ticket",
                "The customer's own time included: finding the card, the bank's code. Darker is more.",
                Query(f"sum by (le) (increase({whole}[{RATE}]))", exemplar=True),
                unit="s",
            ),
            heatmap(
                "Attempts until paid",
                "One is fine; a dark row at three is people fighting with the page.",
                Query(tries),
                unit="short",
            ),
        ),
    )


def _errors() -> Row:
    shown = signals.rate_of(catalogue.ERRORS_SHOWN, RATE, "kind")
    left = signals.count_of(catalogue.FUNNEL, RANGE, "step")
    return Row(
        "What do they read when it goes wrong?",
        (
            chart(
                "Errors people read, a minute",
                "By kind. What is new since the last mark is what changed.",
                Query(seen(f"{shown} * 60", "kind"), "{{kind}}"),
                unit="short",
                stacked=True,
                data_links=(links.FAULTS,),
            ),
            bars(
                "How far they came",
                "Steps in the time shown; the largest gap is where they gave up.",
                Query(f"sort_desc({left})", "{{step}}"),
                unit="short",
                decimals=0,
            ),
            stat(
                "Browsers that told us",
                "Beacons kept, a minute. None while people visit: the script does not load.",
                Query(f"{signals.rate_of(catalogue.BEACONS, RATE, outcome='kept')} * 60"),
                unit="short",
                decimals=1,
                high=8,
            ),
        ),
    )


def _ours() -> Row:
    ends = signals.rate_of(catalogue.SYNTHETIC_PURCHASES, RATE, "outcome")
    return Row(
        "Does a purchase of our own go through?",
        (
            chart(
                "Synthetic purchases, a minute",
                "By how they ended. It is a customer who is never declined: anything but `ok` is ours or the gateway's. "
                "`page_only` is as far as it goes with a live key, and at PayPal: no ticket is proven.",
                Query(f"{ends} * 60", "{{outcome}}"),
                unit="short",
                data_links=(links.FAILED,),
            ),
            chart(
                "How long it takes",
                "From its first request to its ticket; slow here while customers are silent is the first sign.",
                *(
                    Query(signals.quantile(q, catalogue.SYNTHETIC_SECONDS, RATE), name, exemplar=True)
                    for q, name in (("0.5", "half"), ("0.95", "19 of 20"))
                ),
                unit="s",
                steps=from_(too_slow(TICKETS_PROMPT)),
            ),
        ),
    )


def _letters() -> Row:
    oldest = signals.most(catalogue.OUTBOX_OLDEST, "kind", kind=Like("mail[.].+"))
    sent = signals.rate_of(catalogue.MAILS, RATE, "template, outcome", outcome=Unlike("nothing|erased"))
    return Row(
        "Do letters arrive?",
        (
            chart(
                "Oldest letter that waits",
                "By kind. Tickets are on the order page meanwhile; above ten minutes people write to us.",
                Query(oldest, "{{kind}}"),
                unit="s",
                steps=from_(600),
                links=(links.playbook("ConfirmationLate"),),
            ),
            chart(
                "Letters, a minute",
                "By template and outcome.",
                Query(seen(f"{sent} * 60", "template"), "{{template}} {{outcome}}"),
                unit="short",
                stacked=True,
            ),
        ),
    )

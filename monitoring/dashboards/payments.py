"""Real-time payments: whether people get through at this moment, and if not, where they stop."""

from monitoring import signals
from monitoring.dashboards import links
from monitoring.dashboards.everywhere import seen
from monitoring.dashboards.panels import (
    PROVIDER,
    RANGE,
    RATE,
    TICKET_TYPE,
    Column,
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
    table,
)
from monitoring.dashboards.promises import CHECKOUT, close_to, promised, too_slow
from monitoring.signals import Like
from service.telemetry import catalogue
from service.telemetry.objectives import CHECKOUT_LATENCY, PAYMENT_SUCCESS, TICKETS_PROMPT

_MINE = {"provider": Like(PROVIDER)}


def page() -> Page:
    """For the hour of a sale, and for the minute after an alert."""
    return Page(
        "payments",
        "Real-time payments",
        "Do people get from the store to their tickets at this moment, and where do they stop?",
        (_now(), _attempts(), _funnel(), _declines(), _waiting(), _stock()),
        window="30m",
    )


def _now() -> Row:
    return Row(
        "Do customers get through, right now?",
        (
            _paid_a_minute(),
            _attempts_the_bank_answered(),
            _checkouts_we_turned_away(),
            _checkout_slowest_tail(),
            _paid_to_ticket_slowest_tail(),
            _taken_in_the_time_shown(),
        ),
    )


def _paid_a_minute() -> Panel:
    return stat(
        "Paid a minute",
        "Orders that reach `paid`. Falls to nothing while people still visit: follow the funnel below.",
        Query(f"{signals.rate_of(catalogue.FUNNEL, RATE, step='paid')} * 60"),
        unit="short",
        decimals=1,
    )


def _attempts_the_bank_answered() -> Panel:
    answered = signals.count_of(catalogue.PAYMENT_ATTEMPTS, RANGE, outcome=("approved", "declined"), **_MINE)
    every = signals.count_of(catalogue.PAYMENT_ATTEMPTS, RANGE, outcome=("approved", "declined", "error"), **_MINE)
    return stat(
        "Attempts the bank answered",
        "Yes or no, both are answers. Below the objective the fault is ours or the gateway's: see gateways.",
        Query(f"{answered} / ({every} > 0)"),
        unit="percentunit",
        steps=at_least(promised(PAYMENT_SUCCESS), close_to(PAYMENT_SUCCESS)),
        decimals=2,
        most=1,
        links=(links.dashboard("gateways", "Gateways"),),
    )


def _checkouts_we_turned_away() -> Panel:
    refused = signals.count_of(catalogue.HTTP_SERVER_DURATION, RANGE, **CHECKOUT.bad)
    return stat(
        "Checkouts we turned away",
        "Answers 5xx to people who check out, in the time shown. Anything above a handful is an alert.",
        Query(f"({refused}) or vector(0)"),
        unit="short",
        steps=from_(1, 5),
        decimals=0,
        links=(links.dashboard("errors", "Error patterns"),),
    )


def _checkout_slowest_tail() -> Panel:
    return stat(
        "Checkout, slowest 5 %",
        "The time until a buyer is on the way to pay. The limit is the objective's.",
        Query(signals.quantile("0.95", catalogue.HTTP_SERVER_DURATION, RATE, **CHECKOUT.all)),
        unit="s",
        steps=from_(too_slow(CHECKOUT_LATENCY) / 2, too_slow(CHECKOUT_LATENCY)),
    )


def _paid_to_ticket_slowest_tail() -> Panel:
    return stat(
        "Paid to ticket, slowest 5 %",
        "What people wait after they have paid. Long with a short queue means webhooks come late.",
        Query(signals.quantile("0.95", catalogue.PAID_TO_TICKET, RATE)),
        unit="s",
        steps=from_(too_slow(TICKETS_PROMPT) / 2, too_slow(TICKETS_PROMPT)),
        links=(links.dashboard("queues", "Queues"),),
    )


def _taken_in_the_time_shown() -> Panel:
    return stat(
        "Taken in the time shown",
        "Money for tickets, by currency, in main units. A rough figure: the books say what is exact.",
        Query(f"{signals.count_of(catalogue.REVENUE, RANGE, 'currency')} / 100", "{{currency}}"),
        unit="locale",
        decimals=0,
        links=(links.dashboard("revenue", "Daily revenue"),),
    )


def _attempts() -> Row:
    attempts = signals.rate_of(catalogue.PAYMENT_ATTEMPTS, RATE, "provider, outcome", **_MINE)
    opened = signals.rate_of(catalogue.CHECKOUTS, RATE, "outcome", **_MINE)
    return Row(
        "How many try, and how does it end?",
        (
            chart(
                "Attempts to pay, a minute",
                "By provider and outcome. Errors are gateways' and ours; declines are the bank's word.",
                Query(seen(f"{attempts} * 60", "provider"), "{{provider}} {{outcome}}"),
                unit="short",
                stacked=True,
                data_links=(links.FAILED,),
            ),
            chart(
                "Checkouts, a minute",
                "How we answered who wanted to check out; `opened` is good, `sold_out` is nobody's fault.",
                Query(seen(f"{opened} * 60", "outcome"), "{{outcome}}"),
                unit="short",
                stacked=True,
                data_links=(links.FAULTS,),
            ),
        ),
    )


def _funnel() -> Row:
    steps = signals.count_of(catalogue.FUNNEL, RANGE, "step")
    redirected, paid = (signals.count_of(catalogue.FUNNEL, RANGE, step=step) for step in ("redirect", "paid"))
    return Row(
        "Where on the way do they leave?",
        (
            stat(
                "Left at the gateway's page",
                "Share of those sent to pay who have not paid. A third is usual; far more means the page does not work.",
                Query(f"clamp_min(1 - ({paid}) / (({redirected}) > 0), 0)"),
                unit="percentunit",
                steps=from_(0.4, 0.6),
                decimals=0,
                high=8,
            ),
            bars(
                "From store to ticket",
                "How many came to each step in the time shown. The largest gap is where to look.",
                Query(f"sort_desc({steps})", "{{step}}"),
                unit="short",
                decimals=0,
                wide=8,
            ),
            chart(
                "Steps, a minute",
                "The same over time: a step that falls while the one before it does not is broken.",
                Query(f"{signals.rate_of(catalogue.FUNNEL, RATE, 'step')} * 60", "{{step}}"),
                unit="short",
            ),
        ),
    )


def _declines() -> Row:
    why = signals.count_of(catalogue.PAYMENT_ATTEMPTS, RANGE, "category", outcome="declined", **_MINE)
    declined = signals.rate_of(catalogue.PAYMENT_ATTEMPTS, RATE, "provider", outcome="declined", **_MINE)
    whole = signals.rate_of(catalogue.PAYMENT_ATTEMPTS, RATE, "provider", outcome=("approved", "declined"), **_MINE)
    asked = signals.rate_of(catalogue.THREE_DS, RATE, "outcome", **_MINE)
    return Row(
        "What do the banks say?",
        (
            bars(
                "Declines by reason",
                "In the time shown. Many `fraud` or `card_incorrect` of small sums is somebody trying out cards.",
                Query(f"sort_desc({why} > 0)", "{{category}}"),
                unit="short",
                decimals=0,
            ),
            chart(
                "Share declined",
                "Of the attempts a bank answered. A jump at one provider alone is that provider.",
                Query(signals.share(declined, whole), "{{provider}}"),
                unit="percentunit",
                wide=8,
            ),
            chart(
                "3-D Secure, a minute",
                "The bank wants to know the buyer: asked, passed, failed. Asked without passed means its page is down.",
                Query(f"{asked} * 60", "{{outcome}}"),
                unit="short",
                wide=8,
            ),
        ),
    )


def _waiting() -> Row:
    buckets = (
        f"sum by (le) (increase({signals.select(catalogue.HTTP_SERVER_DURATION, '_bucket', **CHECKOUT.all)}[{RATE}]))"
    )
    return Row(
        "How long do they wait?",
        (
            heatmap(
                "Checkouts by duration",
                "Darker is more. A second band higher up is a gateway that answers slowly for some.",
                Query(buckets, exemplar=True),
                unit="s",
                data_links=(links.traces("Traces of checkouts", 'span.http.route =~ ".*checkout.*"'),),
            ),
            chart(
                "Paid to ticket",
                "Median, and what one in twenty and one in a hundred waits; the line is the objective's limit.",
                *(
                    Query(signals.quantile(q, catalogue.PAID_TO_TICKET, RATE), name, exemplar=True)
                    for q, name in (("0.5", "half"), ("0.95", "19 of 20"), ("0.99", "99 of 100"))
                ),
                unit="s",
                steps=from_(too_slow(TICKETS_PROMPT)),
                data_links=(links.FAILED,),
            ),
            chart(
                "Requests in work",
                "All that are being answered. A line that climbs and stays is something that hangs.",
                Query(f"sum by (instance) ({catalogue.HTTP_SERVER_ACTIVE.name})", "{{instance}}"),
                unit="short",
                wide=24,
                high=6,
            ),
        ),
    )


def _stock() -> Row:
    mine = {"ticket_type": Like(TICKET_TYPE)}
    sold, held, all_ = (
        signals.most(catalogue.STOCK, "ticket_type", kind=kind, **mine) for kind in ("sold", "held", "capacity")
    )
    return Row(
        "What is left to sell?",
        (
            table(
                "Places by ticket type",
                "Sold, held by people who are paying, and the whole. What is held comes back when they leave.",
                Query(sold),
                Query(held),
                Query(all_),
                Query(f"{sold} / ({all_} > 0)"),
                columns=(
                    Column("ticket_type", "Ticket type"),
                    Column("Value #A", "Sold"),
                    Column("Value #B", "Held"),
                    Column("Value #C", "Places"),
                    Column("Value #D", "Sold, share", "percentunit", from_(0.8, 0.98)),
                ),
                wide=16,
                high=10,
            ),
            bars(
                "Places given back",
                "In the time shown, by holds that ended unpaid.",
                Query(f"sort_desc({signals.count_of(catalogue.HOLDS_RELEASED, RANGE, 'reason')})", "{{reason}}"),
                unit="short",
                decimals=0,
                high=10,
            ),
        ),
    )

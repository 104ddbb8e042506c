"""Daily revenue: what came in, for what, what went back, and whether the books agree with the gateways."""

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
    bars,
    chart,
    from_,
    stat,
    table,
)
from monitoring.signals import Like
from service.telemetry import catalogue
from service.telemetry.metric import Gauge

_MINE = {"provider": Like(PROVIDER)}
_TYPES = {"ticket_type": Like(TICKET_TYPE)}


def page() -> Page:
    """For the morning, and for whoever counts the money."""
    return Page(
        "revenue",
        "Daily revenue",
        "What has come in, for which tickets, what went back, and do the books agree?",
        (_today(), _sources(), _returns(), _books()),
        window="24h",
        refresh="1m",
    )


def _today() -> Row:
    return Row(
        "What came in?",
        (_gross(), _given_back(), _net(), _orders_paid(), _tickets_issued(), _an_order_on_average()),
    )


def _gross() -> Panel:
    gross = f"{signals.count_of(catalogue.REVENUE, RANGE, 'currency', **_TYPES)} / 100"
    return stat(
        "Gross",
        "Money taken for tickets in the time shown, by currency in main units. Rounded by sampling: what is "
        "exact stands in the books (`cubano books`).",
        Query(gross, "{{currency}}"),
        unit="locale",
        decimals=0,
    )


def _given_back() -> Panel:
    gross = f"{signals.count_of(catalogue.REVENUE, RANGE, 'currency')} / 100"
    back = f"{signals.count_of(catalogue.RETURNED, RANGE, 'currency')} / 100"
    return stat(
        "Given back",
        "Refunds that succeeded and disputes that were lost, by currency; of all ticket types.",
        Query(f"{back} or {gross} * 0", "{{currency}}"),
        unit="locale",
        decimals=0,
    )


def _net() -> Panel:
    gross = f"{signals.count_of(catalogue.REVENUE, RANGE, 'currency')} / 100"
    back = f"{signals.count_of(catalogue.RETURNED, RANGE, 'currency')} / 100"
    return stat(
        "Net",
        "Gross of all ticket types without what was given back; the gateways' fees are in the books, not here.",
        Query(f"{gross} - ({back} or {gross} * 0)", "{{currency}}"),
        unit="locale",
        decimals=0,
    )


def _orders_paid() -> Panel:
    return stat(
        "Orders paid",
        "In the time shown.",
        Query(signals.count_of(catalogue.FUNNEL, RANGE, step="paid")),
        unit="short",
        decimals=0,
    )


def _tickets_issued() -> Panel:
    return stat(
        "Tickets issued",
        "In the time shown, of the chosen types.",
        Query(signals.count_of(catalogue.TICKETS_ISSUED, RANGE, **_TYPES)),
        unit="short",
        decimals=0,
    )


def _an_order_on_average() -> Panel:
    gross = f"{signals.count_of(catalogue.REVENUE, RANGE, 'currency')} / 100"
    return stat(
        "An order, on average",
        "Gross of all ticket types by orders paid, by currency in main units; gifts are not among them.",
        Query(signals.share(gross, signals.count_of(catalogue.ORDERS_PAID, RANGE, "currency")), "{{currency}}"),
        unit="locale",
        decimals=2,
    )


def _sources() -> Row:
    hourly = f"{signals.rate_of(catalogue.REVENUE, RATE, 'currency, ticket_type', **_TYPES)} * 3600 / 100 > 0"
    money = f"{signals.count_of(catalogue.REVENUE, RANGE, 'currency, ticket_type', **_TYPES)} / 100"
    tickets = signals.count_of(catalogue.TICKETS_ISSUED, RANGE, "ticket_type", **_TYPES)
    return Row(
        "For what?",
        (
            chart(
                "Money an hour, by ticket type",
                "As fast as it comes in, by currency in main units an hour. A step down in selling hours deserves a look.",
                Query(hourly, "{{ticket_type}} {{currency}}"),
                unit="locale",
                wide=16,
                high=9,
            ),
            bars(
                "Tickets by type",
                "Issued in the time shown.",
                Query(f"sort_desc({tickets} > 0)", "{{ticket_type}}"),
                unit="short",
                decimals=0,
                high=9,
            ),
            table(
                "Money by currency and ticket type",
                "In main units, in the time shown; the share is of its currency.",
                Query(f"sort_desc({money} > 0)"),
                Query(f"{money} / on (currency) group_left () (sum by (currency) ({money}) > 0) > 0"),
                columns=(
                    Column("currency", "Currency"),
                    Column("ticket_type", "Ticket type"),
                    Column("Value #A", "Money", "locale"),
                    Column("Value #B", "Share", "percentunit"),
                ),
            ),
        ),
    )


def _returns() -> Row:
    refunds = signals.rate_of(catalogue.REFUNDS_MOVED, RATE, "event", outcome="moved", **_MINE)
    odd = signals.count_of(catalogue.ODD_MONEY, RANGE, "outcome", **_MINE)
    return Row(
        "What went back, and what may?",
        (
            chart(
                "Refunds, an hour",
                "Steps of refunds. `fail` needs a person: it opens a case.",
                Query(seen(f"{refunds} * 3600", "event"), "{{event}}"),
                unit="short",
                wide=8,
            ),
            bars(
                "Refunds by state",
                "Now. `awaiting_approval` waits for a second pair of eyes, `pending` for the gateway.",
                _states(catalogue.REFUNDS),
                unit="short",
                decimals=0,
                wide=6,
            ),
            bars(
                "Disputes by state",
                "Now. `needs_response` has a deadline: `cubano disputes ls`.",
                _states(catalogue.DISPUTES),
                unit="short",
                decimals=0,
                wide=5,
            ),
            bars(
                "Money that came oddly",
                "Late, twice or wrong, in the time shown, and what became of it.",
                Query(f"sort_desc({odd})", "{{outcome}}"),
                unit="short",
                decimals=0,
                wide=5,
            ),
        ),
    )


def _states(gauge: Gauge) -> Query:
    most = signals.most(gauge, "provider, state", **_MINE)  # several workers show the same
    return Query(f"sort_desc(sum by (state) ({most}))", "{{state}}")


def _books() -> Row:
    return Row(
        "Do the books agree with the gateways?",
        (
            _open_differences(),
            _last_compared(),
            _cases_that_wait(),
            _differences_by_kind(),
            *(_entries_in_the_books_an_hour(), _movements_read(), _cases_opened()),
        ),
    )


def _open_differences() -> Panel:
    real = signals.most(catalogue.DIFFERENCES, "provider, kind", kind=signals.Unlike("timing"), **_MINE)
    return stat(
        "Open differences",
        "Between books and gateways, of all kinds but timing. Each has a line in `cubano books differences`.",
        Query(f"sum({real}) or vector(0)"),
        unit="short",
        steps=from_(1),
        decimals=0,
        links=(links.playbook("ReconciliationMismatch"),),
    )


def _last_compared() -> Panel:
    return stat(
        "Last compared",
        "How long ago a day of the gateway longest without was compared. More than a day: is the worker well?",
        Query(f"max({signals.since(catalogue.RECONCILED, 'provider', **_MINE)})"),
        unit="s",
        steps=from_(26 * 3600, 48 * 3600),
        nothing="not yet",
    )


def _cases_that_wait() -> Panel:
    return stat(
        "Cases that wait",
        "For a person: failed refunds, seats that are gone, evidence that is due.",
        Query(f"sum({signals.most(catalogue.CASES, 'kind')}) or vector(0)"),
        unit="short",
        steps=from_(1, 10),
        decimals=0,
    )


def _differences_by_kind() -> Panel:
    open_minor = signals.most(catalogue.DIFFERENCES_MINOR, "provider, kind", **_MINE)
    count = signals.most(catalogue.DIFFERENCES, "provider, kind", **_MINE)
    return table(
        "Differences by kind",
        "Number and sum, each without its sign, in main units.",
        Query(f"{count} > 0"),
        Query(f"{open_minor} / 100 > 0"),
        columns=(
            Column("provider", "Provider"),
            Column("kind", "Kind"),
            Column("Value #A", "Differences"),
            Column("Value #B", "Sum", "locale"),
        ),
        wide=12,
        high=4,
        nothing="none",
    )


def _entries_in_the_books_an_hour() -> Panel:
    return chart(
        "Entries in the books, an hour",
        "By kind. Payments without entries, or entries without payments, is what the comparison finds.",
        Query(seen(f"{signals.rate_of(catalogue.JOURNAL_ENTRIES, RATE, 'kind')} * 3600", "kind"), "{{kind}}"),
        unit="short",
        stacked=True,
        wide=8,
    )


def _movements_read() -> Panel:
    return chart(
        "Movements read, an hour",
        "Lines of the gateways' own lists. A payment without one a day later is a difference.",
        Query(f"{signals.rate_of(catalogue.SETTLEMENTS, RATE, 'provider', **_MINE)} * 3600", "{{provider}}"),
        unit="short",
        wide=8,
    )


def _cases_opened() -> Panel:
    opened = f"{signals.rate_of(catalogue.CASES_OPENED, RATE, 'kind')} * 3600"
    return chart(
        "Cases opened, an hour",
        "What only a person decides.",
        Query(seen(opened, "kind"), "{{kind}}"),
        unit="short",
        wide=8,
    )

"""Queues and workers: whether what is written down is being done, how long it waits, and whether the worker is well."""

from monitoring import signals
from monitoring.alerts.worker import QUICK
from monitoring.dashboards import links
from monitoring.dashboards.everywhere import dead_letters, seen
from monitoring.dashboards.panels import RANGE, RATE, Column, Page, Panel, Query, Row, bars, chart, from_, stat, table
from monitoring.signals import Unlike
from service.telemetry import catalogue

_LATE_S, _STUCK_S = 120, 600  # of anything that waits
_STALLED_S = 60  # a loop that has not turned


def page() -> Page:
    """When tickets or letters are late."""
    return Page(
        "queues",
        "Queues and workers",
        "Is what was written down being done, how long does it wait, and is the worker well?",
        (_waiting(), _events(), _messages(), _orders(), _worker()),
    )


def _waiting() -> Row:
    return Row(
        "Does anything wait too long?",
        (
            _oldest_event(),
            _oldest_message(),
            dead_letters(),
            _slowest_loop(),
            _paid_without_ticket(),
            _age_of_these_figures(),
        ),
    )


def _oldest_event() -> Panel:
    return stat(
        "Oldest event",
        "How long the oldest event of a gateway waits to be applied. Age counts, depth does not.",
        Query(signals.most(catalogue.INBOX_OLDEST)),
        unit="s",
        steps=from_(_LATE_S, _STUCK_S),
        links=(links.playbook("QueueBacklog"),),
    )


def _oldest_message() -> Panel:
    return stat(
        "Oldest message",
        "How long the oldest due letter, refund or capture is overdue.",
        Query(f"max({signals.most(catalogue.OUTBOX_OLDEST, 'kind')})"),
        unit="s",
        steps=from_(_LATE_S, _STUCK_S),
        links=(links.playbook("QueueBacklog"),),
    )


def _slowest_loop() -> Panel:
    beat = signals.since(catalogue.WORKER_HEARTBEAT, "instance, loop", loop=QUICK)
    return stat(
        "Slowest loop",
        "The longest that any loop has not turned that a customer waits for; the others turn when it is their time.",
        Query(f"max({beat})"),
        unit="s",
        steps=from_(_STALLED_S / 2, _STALLED_S),
        links=(links.playbook("WorkerStalled"),),
    )


def _paid_without_ticket() -> Panel:
    return stat(
        "Paid without ticket",
        "Orders with money and without all tickets, longer than a moment. Each is a customer who paid for nothing.",
        Query(signals.most(catalogue.PAID_WITHOUT_TICKET)),
        unit="short",
        decimals=0,
        steps=from_(1),
        links=(links.playbook("PaidWithoutTicket"),),
    )


def _age_of_these_figures() -> Panel:
    return stat(
        "Age of these figures",
        "They are counted by the worker every few seconds; old ones say nothing.",
        Query(signals.most(catalogue.PROGRESS_AGE)),
        unit="s",
        steps=from_(60, 180),
        links=(links.playbook("FiguresStale"),),
    )


def _events() -> Row:
    applied = signals.rate_of(catalogue.INBOX_APPLIED, RATE, "outcome")
    kinds = signals.count_of(catalogue.INBOX_APPLIED, RANGE, "kind")
    return Row(
        "Are events of the gateways applied?",
        (
            chart(
                "Events, a minute",
                "Tries by outcome. `already` is a repeat that changed nothing, as it should.",
                Query(seen(f"{applied} * 60", "outcome"), "{{outcome}}"),
                unit="short",
                stacked=True,
                wide=9,
                data_links=(links.FAILED,),
            ),
            chart(
                "Waiting",
                "Events by state and the age of the oldest beside it in the row above.",
                Query(f"{signals.most(catalogue.INBOX, 'state', state=Unlike('done'))}", "{{state}}"),
                unit="short",
                wide=8,
            ),
            bars(
                "By kind",
                "Tries in the time shown.",
                Query(f"sort_desc({kinds} > 0)", "{{kind}}"),
                unit="short",
                decimals=0,
                wide=7,
            ),
        ),
    )


def _messages() -> Row:
    done = signals.rate_of(catalogue.OUTBOX_DELIVERED, RATE, "kind, outcome")
    return Row(
        "Do messages go out?",
        (
            chart(
                "Messages, a minute",
                "By kind and outcome: letters, and what is sent to gateways.",
                Query(seen(f"{done} * 60", "kind"), "{{kind}} {{outcome}}"),
                unit="short",
                stacked=True,
                wide=9,
            ),
            chart(
                "Overdue, by kind",
                "How long the oldest due message of a kind is overdue.",
                Query(signals.most(catalogue.OUTBOX_OLDEST, "kind"), "{{kind}}"),
                unit="s",
                steps=from_(_LATE_S, _STUCK_S),
                wide=8,
            ),
            table(
                "Messages by kind and state",
                "Now. What is done is kept for a while and not shown.",
                Query(f"sort_desc({signals.most(catalogue.OUTBOX, 'kind, state', state=Unlike('done'))} > 0)"),
                columns=(Column("kind", "Kind"), Column("state", "State"), Column("Value", "Messages")),
                wide=7,
                nothing="none wait",
            ),
        ),
    )


def _orders() -> Row:
    return Row(
        "Do orders and refunds move on?",
        (
            *(_oldest_order_of_a_state(), _oldest_refund_of_a_state(), _orders_by_state(), _holds_past_their_end()),
            *(_orders_moving(), _payments_by_state()),
        ),
    )


def _oldest_order_of_a_state() -> Panel:
    states = "awaiting_payment", "processing", "late_payment"
    oldest = signals.most(catalogue.ORDERS_OLDEST, "state", state=states)
    return chart(
        "Oldest order of a state",
        "Since it last moved. Awaiting payment longer than the hold lasts: the expiry does not run.",
        Query(oldest, "{{state}}"),
        unit="s",
        wide=8,
        links=(links.playbook("OrdersStuck"),),
    )


def _oldest_refund_of_a_state() -> Panel:
    return chart(
        "Oldest refund of a state",
        "Since it last moved. `pending` for a day is worth a call to the gateway.",
        Query(
            signals.most(catalogue.REFUNDS_OLDEST, "state", state=("requested", "awaiting_approval", "pending")),
            "{{state}}",
        ),
        unit="s",
        wide=8,
        links=(links.playbook("RefundStuck"),),
    )


def _orders_by_state() -> Panel:
    return bars(
        "Orders by state",
        "Now, all there are.",
        Query(
            f"sort_desc({signals.total(signals.most(catalogue.ORDERS, 'provider, state'), 'state')} > 0)", "{{state}}"
        ),
        unit="short",
        decimals=0,
        wide=5,
    )


def _holds_past_their_end() -> Panel:
    return stat(
        "Holds past their end",
        "How long ago the oldest hold ended whose places are still held: they could be sold.",
        Query(signals.most(catalogue.HOLDS_OVERDUE)),
        unit="s",
        steps=from_(60, 300),
        wide=3,
        high=8,
        nothing="none",
        links=(links.playbook("HoldsLeaking"),),
    )


def _orders_moving() -> Panel:
    moves = signals.rate_of(catalogue.ORDERS_MOVED, RATE, "event", outcome="moved")
    return chart(
        "Orders moving, a minute",
        "What changed them. `expire` is whoever left; `pay_unseated` paid when the seats were gone.",
        Query(seen(f"{moves} * 60", "event"), "{{event}}"),
        unit="short",
        wide=16,
    )


def _payments_by_state() -> Panel:
    return bars(
        "Payments not decided",
        "Now. `unknown` is asked about until the gateway can tell.",
        Query(f"sort_desc(sum by (state) ({signals.most(catalogue.PAYMENTS, 'provider, state')}) > 0)", "{{state}}"),
        unit="short",
        decimals=0,
    )


def _worker() -> Row:
    return Row(
        "Is the worker well?",
        (_since_each_loop_turned(), _turns_that_failed_a_minute(), _cases_that_wait_for_a_person()),
    )


def _since_each_loop_turned() -> Panel:
    beat = f"max by (loop) ({signals.since(catalogue.WORKER_HEARTBEAT, 'instance, loop', loop=QUICK)})"
    return bars(
        "Since each loop turned",
        "Those that a customer waits for. A minute is a stall; all of them at once is the database or the process.",
        Query(f"topk(12, {beat})", "{{loop}}"),
        unit="s",
        steps=from_(_STALLED_S, 3 * _STALLED_S),
        wide=9,
        high=10,
        links=(links.playbook("WorkerStalled"),),
    )


def _turns_that_failed_a_minute() -> Panel:
    return chart(
        "Turns that failed, a minute",
        "By loop. One now and then repeats by itself; many are in the log.",
        Query(seen(f"{signals.rate_of(catalogue.WORKER_FAILURES, RATE, 'loop')} * 60", "loop"), "{{loop}}"),
        unit="short",
        wide=8,
        high=10,
        nothing="none failed",
        data_links=(links.FAULTS,),
        links=(links.playbook("WorkerFailing"),),
    )


def _cases_that_wait_for_a_person() -> Panel:
    cases = signals.most(catalogue.CASES, "kind")
    return table(
        "Cases that wait for a person",
        "What no worker can decide.",
        Query(f"{cases} > 0"),
        Query(f"{signals.most(catalogue.CASES_OLDEST, 'kind')} and on (kind) {cases} > 0"),
        columns=(
            Column("kind", "Kind"),
            Column("Value #A", "Open"),
            Column("Value #B", "Oldest", "s", from_(86400, 3 * 86400)),
        ),
        wide=7,
        high=10,
        nothing="none",
        links=(links.playbook("CasesWaiting"),),
    )

"""Counting is cheap, complete from the start, bounded, and never the reason for a failed request."""

import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.telemetry import catalogue, foundation
from service.telemetry.catalogue import (
    CHECKOUTS,
    HTTP_SERVER_DURATION,
    INBOX_OLDEST,
    ORDERS,
    PAID_TO_TICKET,
    REVENUE,
    STOCK,
    TELEMETRY_DROPPED,
    TICKETS_ISSUED,
    WEBHOOKS,
)
from service.telemetry.labels import CheckoutOutcome, OrderState, Provider, Signal
from service.telemetry.metric import Counter
from service.telemetry.registry import MisuseError, Telemetry


def series(telemetry: Telemetry) -> dict[str, float]:
    """Every exposed series, written like `name{label="value"}`, with its value."""
    families = text_string_to_metric_families(telemetry.render()[0].decode())
    return {
        sample.name + str(dict(sorted(sample.labels.items()))).replace("'", ""): sample.value
        for family in families
        for sample in family.samples
    }


def test_everything_that_can_be_known_starts_at_zero(telemetry: Telemetry):
    """Counters of closed sets and histograms without open labels exist at zero before anything happened."""
    found = series(telemetry)

    assert found["cubano_checkouts_total{outcome: sold_out, provider: stripe}"] == 0
    assert found["cubano_payment_attempts_total{category: fraud, outcome: declined, provider: paypal}"] == 0
    assert found["cubano_db_pool_timeouts_total{}"] == 0
    assert found["cubano_paid_to_ticket_seconds_bucket{le: 0.5}"] == 0
    assert found["cubano_mails_total{outcome: failed, template: confirmation}"] == 0
    assert sum(value for name, value in found.items() if name.startswith("cubano_") and "build_info" not in name) == 0


def test_a_snapshot_is_absent_until_it_was_measured(telemetry: Telemetry):
    """A process that does not measure the inbox does not claim that it is empty."""
    before = series(telemetry)

    telemetry.set(INBOX_OLDEST, 0)
    telemetry.set(ORDERS, 3, provider="stripe", state=OrderState.PAID)

    assert "cubano_inbox_oldest_age_seconds{}" not in before
    assert series(telemetry)["cubano_inbox_oldest_age_seconds{}"] == 0
    assert series(telemetry)["cubano_orders{provider: stripe, state: paid}"] == 3


def test_values_are_written_to_the_series_they_name(telemetry: Telemetry):
    """Order and kind of the labels do not matter: enum members and their strings are one series."""
    telemetry.count(CHECKOUTS, provider=Provider.STRIPE, outcome=CheckoutOutcome.OPENED)
    telemetry.count(CHECKOUTS, 2, outcome="opened", provider="stripe")
    telemetry.observe(PAID_TO_TICKET, 0.3)

    found = series(telemetry)
    assert found["cubano_checkouts_total{outcome: opened, provider: stripe}"] == 3
    assert found["cubano_paid_to_ticket_seconds_bucket{le: 0.25}"] == 0
    assert found["cubano_paid_to_ticket_seconds_bucket{le: 0.5}"] == 1


def test_a_series_can_be_held_on_to(telemetry: Telemetry):
    """Who observes at every statement looks its series up once; what it writes is the same series."""
    observe = telemetry.observing(catalogue.DB_OPERATION, db_operation_name="SELECT")
    observe(0.2)
    telemetry.observe(catalogue.DB_OPERATION, 0.2, db_operation_name="SELECT")

    assert series(telemetry)["db_client_operation_duration_seconds_count{db_operation_name: SELECT}"] == 2
    with pytest.raises(MisuseError):
        telemetry.observing(catalogue.DB_OPERATION, verb="SELECT")


def test_open_sets_can_be_announced(telemetry: Telemetry):
    """Once the root knows the ticket types, their series exist at zero too, with every known value of the other labels."""
    telemetry.expect(TICKETS_ISSUED, ticket_type="full-pass")
    telemetry.expect(REVENUE, ticket_type="full-pass")

    assert series(telemetry)["cubano_tickets_issued_total{ticket_type: full-pass}"] == 0
    assert series(telemetry)["cubano_revenue_minor_total{currency: USD, ticket_type: full-pass}"] == 0


def test_ten_thousand_values_do_not_add_ten_thousand_series(telemetry: Telemetry):
    """An open set takes values up to its limit; all others are one series named other."""
    for number in range(10_000):
        telemetry.count(TICKETS_ISSUED, ticket_type=f"type-{number}")

    found = {name: value for name, value in series(telemetry).items() if name.startswith("cubano_tickets_issued_total")}
    assert len(found) == catalogue.TICKET_TYPES.limit + 1
    assert found["cubano_tickets_issued_total{ticket_type: other}"] == 10_000 - catalogue.TICKET_TYPES.limit


def test_a_scan_cannot_grow_the_registry(telemetry: Telemetry):
    """Statuses, routes and error names invented by a client end in other, on every label at once."""
    for number in range(2_000):
        telemetry.observe(
            HTTP_SERVER_DURATION,
            0.01,
            http_request_method="GET",
            http_route=f"/made/up/{number}" * 20,  # longer than a name may be
            http_response_status_code=number,
            error_type=f"E{number}",
        )

    counts = [name for name in series(telemetry) if name.startswith("http_server_request_duration_seconds_count")]
    assert len(counts) <= foundation.STATUS_CODES.limit * 2 + 2


@pytest.mark.parametrize(
    ("metric", "labels"),
    [
        (Counter("cubano_unheard_total", "Not in the list.", "things"), {}),
        (CHECKOUTS, {"provider": "stripe"}),  # a label is missing
        (CHECKOUTS, {"provider": "stripe", "outcome": "opened", "order": "ord_1"}),  # one too many
        (CHECKOUTS, {"provider": "stripe", "outcome": "excellent"}),  # not in the closed set
        (CHECKOUTS, {"provider": "stripe", "outcome": ["opened"]}),  # not even a value
    ],
)
def test_misuse_is_an_error_in_development(telemetry: Telemetry, metric, labels):
    """What the catalogue does not declare cannot be counted, and says so where it can be corrected."""
    with pytest.raises(MisuseError, match=metric.name):
        telemetry.count(metric, **labels)


def test_a_counter_never_goes_down(telemetry: Telemetry):
    """A negative amount is refused."""
    with pytest.raises(MisuseError, match="cannot go down"):
        telemetry.count(WEBHOOKS, -1, provider="stripe", result="accepted")


def test_misuse_is_counted_and_breaks_nothing_in_production():
    """A wrong value folds into other, a wrong metric is dropped, both are counted, nobody's request fails."""
    telemetry = Telemetry("serve", version="1", environment="production")

    telemetry.count(CHECKOUTS, provider="stripe", outcome="excellent")
    telemetry.count(CHECKOUTS, provider="stripe")
    telemetry.count(WEBHOOKS, -1, provider="stripe", result="accepted")
    telemetry.count(Counter("cubano_unheard_total", "Not in the list.", "things"))

    found = series(telemetry)
    assert found["cubano_checkouts_total{outcome: other, provider: stripe}"] == 1
    assert found["cubano_telemetry_dropped_total{signal: labels}"] == 1
    assert found["cubano_telemetry_dropped_total{signal: metrics}"] == 3


def test_a_gauge_can_be_forgotten(telemetry: Telemetry):
    """A ticket type that is gone is no longer measured; when it comes back it is a new series."""
    telemetry.set(STOCK, 5, ticket_type="workshop", kind="held")
    telemetry.forget(STOCK, ticket_type="workshop", kind="held")
    gone = series(telemetry)
    telemetry.set(STOCK, 7, ticket_type="workshop", kind="held")

    assert "cubano_stock{kind: held, ticket_type: workshop}" not in gone
    assert series(telemetry)["cubano_stock{kind: held, ticket_type: workshop}"] == 7


def test_a_figure_without_labels_can_be_forgotten(telemetry: Telemetry):
    """What cannot be measured any more is absent again, until it can."""
    telemetry.forget(INBOX_OLDEST)  # never set: nothing to forget
    telemetry.set(INBOX_OLDEST, 5)
    telemetry.forget(INBOX_OLDEST)
    gone = series(telemetry)
    telemetry.set(INBOX_OLDEST, 7)

    assert "cubano_inbox_oldest_age_seconds{}" not in gone
    assert series(telemetry)["cubano_inbox_oldest_age_seconds{}"] == 7


def test_measurements_are_made_when_somebody_reads(telemetry: Telemetry):
    """What is measured at scrape time is as fresh as the scrape; a measurement that fails is counted and the rest is shown."""
    ages = [2.5, 1.5]
    telemetry.at_scrape(lambda: telemetry.set(INBOX_OLDEST, ages.pop()))

    first, second, third = series(telemetry), series(telemetry), series(telemetry)

    assert first["cubano_inbox_oldest_age_seconds{}"] == 1.5
    assert second["cubano_inbox_oldest_age_seconds{}"] == 2.5
    assert third["cubano_telemetry_dropped_total{signal: scrapes}"] == 1


def test_every_process_says_which_build_it_is(telemetry: Telemetry):
    """Version, environment and process name are one series that is always 1."""
    found = series(telemetry)

    assert found["cubano_build_info{environment: test, process: serve, version: 1.2.3}"] == 1


@pytest.mark.alone
def test_counting_costs_microseconds(telemetry: Telemetry):
    """A used series is found by one look-up; the bound is generous because the machine is shared."""
    started = time.perf_counter()
    for _ in range(5_000):
        telemetry.count(CHECKOUTS, provider=Provider.STRIPE, outcome=CheckoutOutcome.OPENED)
        telemetry.observe(PAID_TO_TICKET, 0.3)
    each_us = (time.perf_counter() - started) / 10_000 * 1e6

    assert each_us < 30


def test_no_series_says_when_it_was_created(telemetry: Telemetry):
    """The client's `_created` rows, a third of everything, are switched off."""
    telemetry.count(TELEMETRY_DROPPED, signal=Signal.LOGS)

    assert not [name for name in series(telemetry) if "_created" in name]

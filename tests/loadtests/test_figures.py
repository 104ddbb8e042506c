"""What the processes tell of themselves is read right, whatever else stands in their metrics."""

from loadtests import figures
from service.telemetry import catalogue
from service.telemetry.registry import Telemetry

TEXT = """
# HELP cubano_db_pool_connections Connections of the pool.
# TYPE cubano_db_pool_connections gauge
cubano_db_pool_connections{state="size"} 10.0
cubano_db_pool_connections{state="in_use"} 4.0
cubano_db_pool_connections{state="waiting"} 2.0
cubano_db_pool_wait_seconds_bucket{le="0.001"} 7.0
cubano_db_pool_wait_seconds_bucket{le="+Inf"} 9.0 # {trace_id="abc"} 0.5 1.0
cubano_db_pool_wait_seconds_count 9.0
http_server_request_duration_seconds_count{http_route="/a \\"b\\" } 1",http_response_status_code="200"} 5.0
http_server_request_duration_seconds_count{http_route="/c",http_response_status_code="404"} 2.0
http_server_request_duration_seconds_sum{http_route="/c",http_response_status_code="404"} 99.0
db_client_operation_duration_seconds_count{db_operation_name="SELECT"} 30.0
cubano_gateway_breaker{provider="stripe",state="open"} 1.0
cubano_gateway_breaker{provider="stripe",state="closed"} 0.0
cubano_gateway_breaker{provider="paypal",state="closed"} 1.0
cubano_gateway_wait_seconds_sum{provider="stripe",priority="checkout"} 1.5
cubano_inbox_events{state="pending"} 3.0
cubano_inbox_events{state="done"} 300.0
cubano_outbox_messages{kind="mail.ticket",state="pending"} 4.0
"""


def test_what_a_process_tells():
    """Gauges, counts and buckets, and nothing of what stands beside them."""
    found = figures.read([TEXT])

    assert (10, 4, 2) == (found.pool["size"], found.pool["in_use"], found.pool["waiting"])
    assert {"0.001": 7, "+Inf": 9} == dict(found.pool_wait)
    assert (7, 30, 1, 1.5) == (found.requests, found.statements, found.breakers_open, found.gateway_wait_s)
    assert (3, 4) == (found.inbox, found.outbox)


def test_processes_are_added_up():
    """`serve` and `work` each have a pool."""
    found = figures.read([TEXT, TEXT])

    assert (20, 14, 60) == (found.pool["size"], found.requests, found.statements)


def test_our_own_metrics_are_read():
    """As the service writes them, not as somebody remembers it."""
    telemetry = Telemetry("serve", version="0", environment="test")
    telemetry.observe(catalogue.DB_OPERATION, 0.002, db_operation_name="SELECT")
    telemetry.observe(catalogue.DB_POOL_WAIT, 0.002)
    text, _ = telemetry.render("")

    found = figures.read([text.decode()])

    assert 1 == found.statements
    assert 1 == found.pool_wait["+Inf"]

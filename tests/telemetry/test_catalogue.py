"""The catalogue can be read by Prometheus, by rules and by people without surprises."""

import math
import re
from enum import StrEnum

import pytest

from service.telemetry import labels
from service.telemetry.catalogue import ALL, DB_OPERATION, HTTP_SERVER_DURATION, PAYMENT_ATTEMPTS
from service.telemetry.metric import Bounded, Counter, Gauge, Histogram, Metric, known_values
from service.telemetry.registry import SERIES_AT_START

BASE_UNITS = {"seconds", "bytes", "minor", "1"}  # these stand in the name; others are the noun that is counted
FORBIDDEN_LABELS = {"id", "order_id", "payment_id", "email", "path", "url", "ip", "user", "token", "message"}
RESERVED_LABELS = {"le", "quantile", "job", "instance"}


def by_name(metric: Metric) -> str:
    return metric.name


def test_each_metric_is_declared_once():
    """No two constants share a name."""
    names = [metric.name for metric in ALL]

    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("metric", ALL, ids=by_name)
def test_a_name_is_legal_on_every_prometheus(metric: Metric):
    """Lower snake case with our prefix, or OpenTelemetry's own name; labels likewise and none that names a person or a row."""
    assert re.fullmatch(r"(?:cubano|http|db)_[a-z0-9]+(?:_[a-z0-9]+)*", metric.name)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", label) for label in metric.labels)
    assert not set(metric.labels) & (FORBIDDEN_LABELS | RESERVED_LABELS)


@pytest.mark.parametrize("metric", ALL, ids=by_name)
def test_a_name_ends_with_its_unit(metric: Metric):
    """Base units stand in the name, `_total` marks exactly the counters."""
    stem = metric.name.removesuffix("_total")

    assert isinstance(metric, Counter) == metric.name.endswith("_total")
    assert metric.unit
    if metric.unit in BASE_UNITS - {"1"}:
        assert stem.endswith(f"_{metric.unit}")
    else:
        assert not any(stem.endswith(f"_{unit}") for unit in BASE_UNITS)


@pytest.mark.parametrize("metric", ALL, ids=by_name)
def test_a_help_is_a_sentence(metric: Metric):
    """Help starts like a sentence, ends like one, and stands on one line."""
    assert re.fullmatch(r"[A-Z][^\n]{8,120}\.", metric.help)


@pytest.mark.parametrize("metric", ALL, ids=by_name)
def test_labels_are_closed_or_bounded(metric: Metric):
    """A label takes its values from an enum or from a set with a ceiling."""
    for allowed in metric.labels.values():
        assert isinstance(allowed, Bounded) or issubclass(allowed, StrEnum)
        assert not isinstance(allowed, Bounded) or 1 <= allowed.limit <= 200


@pytest.mark.parametrize("metric", ALL, ids=by_name)
def test_closed_label_sets_are_small_enough_to_start_at_zero(metric: Metric):
    """No product of closed sets is so large that its series would have to wait for their first use."""
    assert math.prod(len(known_values(allowed)) for allowed in metric.labels.values()) <= SERIES_AT_START


@pytest.mark.parametrize("metric", [m for m in ALL if isinstance(m, Histogram)], ids=by_name)
def test_buckets_rise(metric: Histogram):
    """Bounds are positive and strictly rising."""
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert metric.buckets[0] > 0


def test_conventions_are_opentelemetrys():
    """HTTP and database durations have the stable names, labels and buckets of the semantic conventions."""
    assert HTTP_SERVER_DURATION.name == "http_server_request_duration_seconds"
    assert HTTP_SERVER_DURATION.buckets == (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
    assert DB_OPERATION.name == "db_client_operation_duration_seconds"
    assert DB_OPERATION.buckets == (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)


def test_label_values_are_lower_snake_case():
    """Values of our own enums are plain words; only HTTP methods are written as HTTP writes them."""
    enums = [each for each in vars(labels).values() if isinstance(each, type) and issubclass(each, StrEnum)]
    ours = [each for each in enums if each not in {StrEnum, labels.HttpMethod}]

    assert all(re.fullmatch(r"[a-z]+(?:_[a-z]+)*", member.value) for each in ours for member in each)


def test_a_decline_has_a_category_and_everything_else_has_none():
    """Attempts carry the closed list of decline categories, `none` included."""
    assert PAYMENT_ATTEMPTS.labels["category"] is labels.DeclineCategory
    assert "none" in {member.value for member in labels.DeclineCategory}


def test_snapshots_are_gauges_only():
    """Only a gauge may be absent until measured; what is counted exists from the start."""
    late = [metric for metric in ALL if isinstance(metric, Gauge) and metric.snapshot]

    assert late
    assert "cubano_orders" in {metric.name for metric in late}

"""Objectives are rows that cannot lie: their thresholds are buckets, their labels are declared, their values can occur."""

import re

import pytest

from service.kernel import problems
from service.telemetry.metric import Histogram, known_values
from service.telemetry.objectives import ALL_BP, OBJECTIVES


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda each: each.name)
def test_an_objective_can_be_measured(objective):
    """By a bucket that lies exactly on the threshold, or by labels that the metric has and values that they can take."""
    metric = objective.metric

    assert 0 < objective.target_bp < ALL_BP
    assert bool(objective.bad) != (objective.within_s is not None)
    if objective.within_s is not None:
        assert isinstance(metric, Histogram)
        assert objective.within_s in metric.buckets
    for name, pattern in [*objective.matchers.items(), *objective.bad.items()]:
        known = known_values(metric.labels[name])
        assert not known or [value for value in known if re.fullmatch(pattern, value)]
    assert not objective.by or objective.by in metric.labels
    assert set(objective.uncounted) <= {"error_type", "http_response_status_code"} & set(metric.labels)
    known_errors = {each.__name__ for each in problems.TABLE}
    assert known_errors >= set(filter(None, objective.uncounted.get("error_type", "").split("|")))


def test_names_are_one_each():
    """Rules and budgets are found by them."""
    assert len({each.name for each in OBJECTIVES}) == len(OBJECTIVES)

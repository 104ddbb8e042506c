"""Three real drills in every run of the tests: a system of their own, real Prometheus and Alertmanager, real faults.

`make drill` plays all of them. What they measured stands at the end of the run.
"""

import logging

import pytest

from runbooks.drills import evidence
from runbooks.drills.drill import SCALE, load_drills
from runbooks.drills.session import run_drills
from service.local.binaries import Tool
from tests.monitoring.binaries import needed

pytestmark = [pytest.mark.alone, pytest.mark.xdist_group("drills"), pytest.mark.timeout(420)]

CHOSEN = ("gateway-outage", "dead-letters", "pool-exhausted")


@pytest.mark.parametrize("name", CHOSEN)
def test_a_drill_is_green(tmp_path, record_property, name):
    """The alert comes, one plan is approved, the run is verified, everything is back, and nobody else was woken."""
    needed(Tool.PROMETHEUS), needed(Tool.ALERTMANAGER)
    (found,) = run_drills([load_drills()[name]], tmp_path, SCALE, logging.getLogger("drills").info)
    evidence.write(found, tmp_path / "evidence")
    record_property(
        "measured",
        f"drill {name}: detected {evidence.seconds(found.detect_s)} s, mitigated {evidence.seconds(found.mitigate_s)} s, "
        f"recovered {evidence.seconds(found.recover_s)} s, {found.price.get('checkouts_failed', 0)} checkouts failed, "
        f"{evidence.money(found.price.get('cents_not_taken', 0))} not taken",
    )

    assert [] == found.faults

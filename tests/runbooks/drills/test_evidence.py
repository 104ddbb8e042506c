"""What is left of a drill: a table, a page, a picture, and what autonomy reads."""

import json
import re

import pytest

from runbooks.drills import evidence, table
from runbooks.drills.report import Report


@pytest.fixture
def report():
    made = Report(
        drill="gateway-outage",
        playbook="GatewayOutage",
        version="940f55b2c574",
        drill_version="5ce11a0b52c1",
        scale=40,
        at="2027-02-13T18:00:00+00:00",
        detect_s=5.7,
        recover_s=12.2,
        state="recovered",
        price={"buyers": 40, "checkouts_failed": 2, "cents_not_taken": 49_805},
        pages=["GatewayOutage"],
    )
    made.moment(0, "gateway.fails provider=stripe & more", "fault")
    made.moment(5.7, "GatewayOutage fires", "alert")
    return made


def test_the_evidence_is_three_files_and_what_autonomy_reads(report, tmp_path):
    """For programs, for people, and a picture; the last result of each drill by playbook and version."""
    files = evidence.write(report, tmp_path)

    assert ["gateway-outage.json", "gateway-outage.md", "gateway-outage.svg"] == [path.name for path in files]
    assert 5.7 == json.loads(files[0].read_text())["detect_s"]
    assert {"version": "940f55b2c574", "drill_version": "5ce11a0b52c1", "green": True, "at": report.at} == json.loads(
        (tmp_path / "evidence.json").read_text()
    )["GatewayOutage"]["gateway-outage"]


def test_a_later_failure_takes_the_place_of_the_success(report, tmp_path):
    """Autonomy falls with it."""
    evidence.write(report, tmp_path)
    report.fault("promises do not hold: journal-zero")
    evidence.write(report, tmp_path)

    found = json.loads((tmp_path / "evidence.json").read_text())
    assert found["GatewayOutage"]["gateway-outage"]["green"] is False
    assert "**not green**" in (tmp_path / "gateway-outage.md").read_text()


def test_the_picture_is_svg_and_says_what_happened(report):
    """Words from outside stay words."""
    words = re.findall(r"<text[^>]*>([^<]*)</text>", evidence.picture(report))

    assert "0.0 s gateway.fails provider=stripe &amp; more" in words
    assert "5.7 s GatewayOutage fires" in words


def test_the_table_names_what_is_not_green(report):
    """One line a drill; money as money; every reason below."""
    good = table.text([report], 60, colour=False)
    report.fault("detected after 50 s, 30 allowed")
    bad = table.text([report], 60, colour=False)

    assert "1 of 1 green" in good
    assert "498.05" in good
    assert "NOT GREEN" in bad
    assert "gateway-outage: detected after 50 s, 30 allowed" in bad


def test_a_drill_that_has_ended_is_one_line(report):
    """When it was noticed and mended, or all that is wrong with it."""
    assert "gateway-outage: green, detected 5.7 s, recovered 12.2 s, 0 s in all" == table.line(report)

    report.fault("promises do not hold: journal-zero")
    report.fault("charged twice: ord_1")
    assert table.line(report).startswith(
        "gateway-outage: NOT GREEN: promises do not hold: journal-zero; charged twice: ord_1, detected"
    )

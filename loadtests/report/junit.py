"""JUnit's XML, as build servers read it: a suite for each scenario, a case for each row.

What failed is a `failure`; what is inconclusive is an `error`, so that no build server takes it for a pass.
"""

import xml.etree.ElementTree as ET
from itertools import groupby
from operator import attrgetter

from loadtests.findings import Findings
from loadtests.report import words
from loadtests.verdict import Row, Verdict

_FORBIDDEN = {code: None for code in range(32) if chr(code) not in "\t\n\r"}  # no XML 1.0 may hold them


def xml(findings: Findings) -> str:
    """The document, whole."""
    root = ET.Element("testsuites", _counts(findings.rows) | {"name": "cubano load", "time": f"{findings.seconds:.1f}"})
    played = {each.scenario: each for each in findings.played}
    for scenario, group in groupby(sorted(findings.rows, key=attrgetter("scenario")), key=attrgetter("scenario")):
        rows = list(group)
        known = {"timestamp": played[scenario].began_at[:19]} if scenario in played else {}
        seconds = f"{played[scenario].seconds:.1f}" if scenario in played else "0"
        suite = ET.SubElement(root, "testsuite", _counts(rows) | {"name": _clean(scenario), "time": seconds} | known)
        for row in rows:
            _case(suite, row)
    if findings.interrupted:
        suite = ET.SubElement(root, "testsuite", {"name": "gate", "tests": "1", "failures": "0", "errors": "1"})
        case = ET.SubElement(suite, "testcase", {"classname": "load.gate", "name": "whole", "time": "0"})
        ET.SubElement(case, "error", {"type": "interrupted", "message": words.sentence(findings)})
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _case(suite: ET.Element, row: Row) -> None:
    named = {"classname": f"load.{_clean(row.scenario)}", "name": _clean(row.name), "time": "0"}
    case = ET.SubElement(suite, "testcase", named)
    if row.verdict is not Verdict.PASS:
        kind = "error" if row.verdict is Verdict.INCONCLUSIVE else "failure"
        ET.SubElement(case, kind, {"type": row.verdict.value, "message": _clean(row.why or row.told)})
    if row.limit is not None:
        told = [words.value(row.found, row.unit), words.interval(row), f"at most {words.limit(row)}"]
        ET.SubElement(case, "system-out").text = _clean(", ".join(filter(None, told)))


def _counts(rows: list[Row]) -> dict[str, str]:
    errors = sum(row.verdict is Verdict.INCONCLUSIVE for row in rows)
    failures = sum(row.verdict not in {Verdict.INCONCLUSIVE, Verdict.PASS} for row in rows)
    return {"tests": str(len(rows)), "failures": str(failures), "errors": str(errors)}


def _clean(text: str) -> str:
    return text.translate(_FORBIDDEN)

"""The report as a comment of a pull request: the answer in three lines, the rest folded away."""

from collections.abc import Iterable, Iterator

from loadtests.findings import Findings
from loadtests.report import words
from loadtests.result import ALL
from loadtests.verdict import Row, Verdict

_SIGNS = {
    Verdict.PASS: "✅",
    Verdict.FAIL: "❌",
    Verdict.INCONCLUSIVE: "❔",
    Verdict.UNHEALTHY: "🚑",
    Verdict.MONEY: "⛔",
}


def text(findings: Findings) -> str:
    """All of it."""
    return "\n".join(_lines(findings)) + "\n"


def _lines(findings: Findings) -> Iterator[str]:
    sign = "⏹" if findings.interrupted else _SIGNS[findings.verdict]
    yield f"## {sign} Load gate: {words.head(findings).lower()}"
    yield ""
    yield f"{words.sentence(findings)} {_escaped(words.release(findings))}; {words.span(findings.seconds)}."
    yield from (f"- {_escaped(reason)}" for reason in words.why(findings))
    yield ""
    yield from _table(words.first(findings))
    if told := [f"**{name}** {figure}" for name, figure, _ in words.knee(findings)]:
        yield ""
        yield _escaped(" · ".join(told))
    yield from ("", "<details><summary>All of it</summary>", "")
    yield from _played(findings)
    yield ""
    yield from _table(findings.rows)
    yield ""
    yield from (f"- {_escaped(each)}" for each in (*words.traced(findings), *words.settings(findings), *findings.notes))
    yield from ("", _escaped(words.machine(findings)), "", "</details>")


def _table(rows: Iterable[Row]) -> Iterator[str]:
    yield "| | what | scenario | found | limit | interval |"
    yield "|---|---|---|---:|---:|---|"
    for row in rows:
        known = row.limit is not None
        found, limit = (words.value(row.found, row.unit), words.limit(row)) if known else ("", "")
        told = [_SIGNS[row.verdict], words.name(row), row.scenario, found, limit, words.interval(row)]
        yield f"| {' | '.join(_escaped(each) for each in told)} |"


def _played(findings: Findings) -> Iterator[str]:
    yield "| | scenario | requests | p50 ms | p99 ms | refused | failed | unsent |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|"
    for each in findings.played:
        for line in each.lines:
            if line.name == ALL:
                figures = [f"{line.count:,}", f"{line.p50:,.0f}", f"{line.p99:,.0f}", line.refused, line.failed]
                told = [_SIGNS[each.verdict], each.scenario, *map(str, figures), str(each.unsent)]
                yield f"| {' | '.join(told)} |"


def _escaped(told: str) -> str:
    """No cell ends early, nobody is called by name, and no tag is opened."""
    return told.replace("|", "\\|").replace("<", "&lt;").replace("@", "&#64;").replace("\n", " ")

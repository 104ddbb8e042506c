"""The report in all its forms: the answer first, the same everywhere, and each form valid for who reads it."""

import io
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import msgspec
import pytest
from rich.console import Console

from loadtests.capacity import capacity
from loadtests.compare import differences
from loadtests.compare import rows as compared
from loadtests.configuration import changed, configuration
from loadtests.findings import Baseline, Findings, Headline, Rounds, found
from loadtests.report import as_json, junit, markdown, page, terminal, words, write
from loadtests.result import Outcome, Sent, Span
from loadtests.scenario import SCENARIOS
from loadtests.thresholds import judge_all
from loadtests.verdict import Row, Verdict
from tests.loadtests import made
from tests.loadtests.test_capacity import LEVELS, ramp

NAMES = ("smoke", "steady", "on-sale-burst")
HEADLINE = Headline(knee=(41.0, 38.0, 44.0), wanted=25, first_saturated="serve: its one core", drains="It drains.")
VOID = {"meta", "link", "img", "br"}


@pytest.fixture(scope="module")
def runs():
    return [made.run(name) for name in NAMES]


@pytest.fixture(scope="module")
def good(runs) -> Findings:
    return told(runs)


@pytest.fixture(scope="module")
def bad(runs) -> Findings:
    return told([runs[0], made.failed(runs[1], "checkout", 0.05), runs[2]], slower=1.4)


def told(runs, *, slower=1.0, **more) -> Findings:
    old, new = made.rounds(slower=slower)
    again = differences(*made.rounds(slower=slower, seed=5))
    pairs = [(each, SCENARIOS[each.scenario]) for each in runs]
    rows = [*judge_all(pairs), *compared(differences(old, new), again)]
    return found(
        "gate",
        [(ran, scenario.what) for ran, scenario in pairs],
        rows,
        began_at="2026-11-23T20:00:00+00:00",
        seconds=512.0,
        headline=HEADLINE,
        baseline=Baseline(name="v0.1 (1a2b3c4d)", commit="1a2b3c4d"),
        rounds=Rounds(old, new),
        **more,
    )


def told_with(**more) -> Findings:
    """A gate of one run."""
    return told([made.run("smoke")], **more)


def printed(findings) -> str:
    out = io.StringIO()
    terminal.show(Console(width=140, file=out), findings)
    return out.getvalue()


def document(findings) -> ET.Element:
    return ET.fromstring(junit.xml(findings))  # noqa: S314 - our own


class Page(HTMLParser):
    """What matters of a page: text, tags that are open, ids, and addresses."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words, self.open, self.ids, self.links, self.tags = (list[str]() for _ in range(5))
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name in {"src", "href", "xlink:href", "action"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag == self.open.pop()

    def handle_data(self, data):
        self.words.append(data)


def test_the_terminal_answers_first(good, bad):
    """The word, then why, then three rows with their intervals, then knee, headroom and what gave way first."""
    well, ill = printed(good), printed(bad)

    assert well.startswith("Pass")
    assert ill.startswith("Fail")
    assert "checkout 500" in ill.partition("look here first")[0]
    for text in (well, ill):
        places = [text.index(each) for each in ("look here first", "Knee", "Headroom", "First saturated", "unsent")]
        assert sorted(places) == places
    assert re.search(r"Knee\s+41 orders/s\s+38 to 44", well)
    assert "1.6 times" in well


def test_junit_is_what_build_servers_read(bad):
    """A suite for each scenario, a case for each row; counts agree; what is unknown is an error."""
    unknown = Row(scenario="smoke", name="odd", told="", verdict=Verdict.INCONCLUSIVE, why="\x00 <nobody> & \x1b[0m")
    root = document(msgspec.structs.replace(bad, rows=[*bad.rows, unknown]))

    cases = root.findall("testsuite/testcase")
    assert len(bad.rows) + 1 == len(cases) == int(root.attrib["tests"])
    assert (
        int(root.attrib["failures"])
        == len(root.findall(".//failure"))
        == len([e for e in bad.rows if e.verdict == "fail"])
    )
    assert [" <nobody> & [0m"] == [each.attrib["message"] for each in root.findall(".//error")]
    assert {*NAMES, "beside the baseline", "all scenarios"} >= {
        each.attrib["name"] for each in root.findall("testsuite")
    }
    assert all(
        {"name", "tests", "failures", "errors", "time"} <= set(each.attrib) for each in root.findall("testsuite")
    )


def test_an_interrupted_gate_is_no_pass_anywhere(good):
    """What there is is kept; the word is that it was ended, the code 130, and a build server sees an error."""
    ended = msgspec.structs.replace(good, interrupted=True)

    assert 130 == ended.exit_code
    assert printed(ended).startswith("Interrupted")
    assert "interrupted" in markdown.text(ended).splitlines()[0]
    assert 1 == len(document(ended).findall(".//error"))
    assert "<h1>Interrupted</h1>" in page.html(ended)


def test_markdown_is_short_and_folds_the_rest_away(bad):
    """Before the fold: the verdict, why, three rows, the knee; nothing in it calls anybody or opens a tag."""
    row = Row(scenario="smoke", name="a|b <script> @ana", told="", verdict=Verdict.FAIL)
    text = markdown.text(msgspec.structs.replace(bad, rows=[row, *bad.rows]))

    head, _, rest = text.partition("<details>")
    assert len(head.splitlines()) <= 16
    assert text.startswith("## ❌ Load gate: fail")
    assert "41 orders/s" in head
    assert "a\\|b &lt;script> &#64;ana" in rest
    assert rest.count("\n| ") > len(bad.rows)


def test_json_is_read_back_as_it_was(bad):
    """A program, or another gate, has everything that stands on the page."""
    assert bad == msgspec.json.decode(as_json(bad), type=Findings)


def test_the_page_is_whole_by_itself(runs, good):
    """Well formed, no id twice, nothing fetched, no script; all plots stand in it, in the page's own colours."""
    found = capacity(ramp(), LEVELS)
    text = page.html(good, runs, found)
    read = Page(text)

    assert [] == read.open
    assert len(read.ids) == len(set(read.ids))
    assert [] == [each for each in read.links if not each.startswith(("#", "data:"))]
    assert "script" not in read.tags
    assert 6 == text.count('<svg class="plot"')
    assert "#0101" not in text
    assert "var(--s1)" in text
    assert not re.search(r"url\((?!#)", text)


def test_the_page_says_what_the_terminal_says(runs, bad):
    """Verdict, reasons, the three cards, knee; names from outside are text and never tags."""
    odd = msgspec.structs.replace(bad, notes=["<b>bold</b>"])
    text = " ".join(Page(page.html(odd, runs)).words)

    assert "This release breaks a promise" in text
    assert all(reason in text for reason in words.why(bad))
    assert all(words.value(row.found, row.unit) in text for row in words.first(bad))
    assert "41 orders/s" in text
    assert "<b>bold</b>" in text


@pytest.mark.parametrize(
    ("row", "low", "point", "limit"),
    [
        (Row(scenario="", name="", told="", verdict=Verdict.PASS, found=50, limit=100), 40, 40, 80),
        (Row(scenario="", name="", told="", verdict=Verdict.FAIL, found=200, limit=100, low=150, high=250), 48, 64, 32),
        (Row(scenario="", name="", told="", verdict=Verdict.PASS, found=0, limit=10, low=-5, high=5), 0, 28.6, 85.7),
        (Row(scenario="", name="", told="", verdict=Verdict.PASS, found=0, limit=0), 0, 0, 0),
    ],
)
def test_a_card_shows_where_things_stand(row, low, point, limit):
    """Everything lies on its line, whatever the figures."""
    scale = page.scale(row)

    assert (low, point, limit) == (scale.low, scale.point, scale.limit)
    assert scale.low + scale.wide <= 100


def test_a_report_of_nothing_is_still_one(tmp_path):
    """When no system came up there is a verdict and a reason, in every form."""
    row = Row(
        scenario="smoke",
        name="system",
        told="The system was well.",
        verdict=Verdict.UNHEALTHY,
        why="it did not come up",
    )
    empty = found("gate", [], [row], began_at="2026-11-23T20:00:00+00:00", seconds=3.0)

    path = write(empty, tmp_path)

    assert 4 == empty.exit_code
    assert "it did not come up" in path.read_text()
    assert {"report.html", "report.json", "report.md", "junit.xml"} == {each.name for each in tmp_path.iterdir()}
    assert Verdict.INCONCLUSIVE is found("gate", [], [], began_at="", seconds=0).verdict


def test_runs_are_kept_beside_the_report(runs, good, tmp_path):
    """Whole, each by its name, so that anybody can look again."""
    write(good, tmp_path, runs)

    assert {f"{name}.ran" for name in NAMES} <= {each.name for each in tmp_path.iterdir()}


def test_figures_are_as_short_as_they_can_be_read():
    """Units that people use, signs where it is a difference."""
    shown = [words.value(*each) for each in ((2_500, "ms"), (94.63, "ms"), (0.1, "%"), (7.0, "% more"), (None, "s"))]

    assert ["2.5 s", "94.6 ms", "0.1 %", "+7 %", "not measured"] == shown


def test_settings_that_differ_are_named():
    """Before and now, and nothing that is the same."""
    assert {"B": ("1", "2"), "C": ("", "3")} == changed({"A": "1", "B": "1"}, {"A": "1", "B": "2", "C": "3"})


def test_settings_of_a_tree_are_its_defaults_and_what_was_given(tmp_path):
    """Two releases differ in a default: it is named wherever the report is read, and a secret never is."""
    (tmp_path / ".env.example").write_text("#CUBANO_HOLD_SECONDS=300\n#CUBANO_GATEWAY_RATE=25\nCUBANO_SECRET_KEYS=x\n")
    old = configuration(tmp_path, {})
    new = old | {"CUBANO_HOLD_SECONDS": "600"}

    told = told_with(settings=new, changed=changed(old, new))

    assert ("300", "1000", "[redacted]") == (
        old["CUBANO_HOLD_SECONDS"],
        old["CUBANO_GATEWAY_RATE"],
        old["CUBANO_SECRET_KEYS"],
    )
    for text in (printed(told), markdown.text(told)):
        assert "CUBANO_HOLD_SECONDS was 300 and is 600" in text
    assert {"CUBANO_HOLD_SECONDS", "300", "600"} <= set(Page(page.html(told)).words)
    assert "those of the baseline" in printed(told_with())


def test_where_a_slow_request_spent_its_time_is_told(runs):
    """By the trace the system kept of it: what it waited for in a line, all that came of it on the page."""
    slow = Sent(1.0, "buyer", "checkout", 900.0, 890.0, Outcome.OK, 201, "ab" * 16)
    spans = [
        Span("POST /checkout", "serve", 0, 890, 0),
        Span("hold", "serve", 5, 40, 1),
        Span("stripe create", "serve", 50, 830, 1),
        Span("apply", "work", 1_200, 300, 1),  # much later, by somebody else
    ]
    ran = made.changed(runs[0], "generated", sent=[*runs[0].generated.sent, slow])
    ran.traces = {slow.trace: spans}
    findings = told([ran])

    line = next(each for each in printed(findings).splitlines() if each.startswith("slow:"))
    read = Page(page.html(findings, [ran]))
    assert "checkout in smoke waited 900 ms: stripe create 830 ms, hold 40 ms, serve 20 ms" in line
    assert slow.trace in line
    assert [] == read.open
    assert {"stripe create", "apply", slow.trace} <= set(read.words)


def test_the_slowest_are_named_with_their_scenario(runs):
    """Ten of all, the slowest first."""
    slow = made.changed(runs[0], "generated", sent=[*runs[0].generated.sent, made.sent("order", 9_000.0)])

    first, *rest = told([slow, *runs[1:]]).slowest

    assert ("smoke", 9_000.0, Outcome.OK) == (first[0], first[1].waited_ms, first[1].outcome)
    assert 9 == len(rest)

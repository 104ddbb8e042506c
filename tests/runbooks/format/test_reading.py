"""A playbook's file becomes data, or says in one go all that is wrong with it, where, and how it is mended."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbooks.engine import playbook as parts
from runbooks.engine.facts import Matcher
from runbooks.engine.reading import BrokenError, Fault, read_playbook
from tests.runbooks.format.pages import WHOLE, broken, line_of

PATH = "runbooks/playbooks/ShopAway.md"


def faults_of(text):
    with pytest.raises(BrokenError) as caught:
        read_playbook(text, PATH)
    return caught.value.faults


def test_a_whole_playbook_is_read():
    """Front matter, steps in their order, and the prose of each heading."""
    found = read_playbook(WHOLE, PATH)

    assert ("ShopAway", ("ShopAway", "ShopSlow"), "provider:{provider}") == (found.name, found.alerts, found.subject)
    assert (parts.Domain.GATEWAY, parts.Autonomy.SUGGEST) == (found.domain, found.autonomy)
    assert parts.Limits(3, 900, 1200, orders=500, sessions=None, cents=0) == found.limits
    assert {"provider": "", "fallback": "paypal"} == found.needs
    assert ["diagnosis-1", "diagnosis-2", "down", "failing", "kind", "switch", "call", "recovered", "tell", "hint"] == [
        step.name for step in found.steps
    ]
    assert list(parts.HEADINGS) == list(found.sections)
    assert found.sections["Impact"] == "New checkouts go to the other one."
    assert found.is_executable


def test_steps_carry_what_their_fences_say():
    """Each kind with its keys, its line and its heading."""
    found: dict[str, Any] = {step.name: step for step in read_playbook(WHOLE, PATH).steps}

    assert found["switch"] == parts.Act(
        "switch", line_of("```act switch", WHOLE), "Mitigation", "route.put", {"order": "{fallback}"},
        lease_s=1800, when={"down.state": Matcher("==", ("down",))}, approve=True,
    )  # fmt: skip
    assert found["down"].look.expect == {"state": Matcher("==", ("down",)), "age_s": Matcher(">", (30,))}
    assert found["failing"].otherwise == parts.Go("call")
    assert found["kind"].branches[1].then == parts.Stop("It answers.")
    assert found["call"].answers == ("done", "nobody answers")
    assert found["recovered"].within_s == 300
    assert found["recovered"].worse[0].args == {"provider": "{fallback}"}
    assert found["diagnosis-2"].line == line_of("sum(cubano_gateway_breaker)", WHOLE)


def test_a_changed_file_is_another_version():
    """Evidence of a drill is for the bytes it ran."""
    assert read_playbook(WHOLE, PATH).version != read_playbook(f"{WHOLE}\n", PATH).version


def test_a_file_that_came_from_windows_is_read():
    """Carriage returns change its version, and nothing it says."""
    assert read_playbook(WHOLE, PATH).steps == read_playbook(WHOLE.replace("\n", "\r\n"), PATH).steps


def test_a_page_without_front_matter_is_refused():
    """What it is for and how much it may touch is said by nobody else; the rest of the page is looked at all the same."""
    page = broken("within: 5m", "within: five", WHOLE[WHOLE.index("# ShopAway") :])

    first, other = faults_of(page)

    assert (1, "there is no front matter") == (first.line, first.problem)
    assert "`runbook: ShopAway`, `domain: …`" in first.mend
    assert line_of("five", page) == other.line


def test_all_faults_are_told_at_once():
    """Nobody mends a page one error at a time."""
    text = broken("domain: gateway", "domain: gatway", broken("within: 5m", "within: five", WHOLE))
    text = broken("## Impact", "## Impakt", text)

    assert [line_of("gatway", text), line_of("# ShopAway", text), line_of("Impakt", text), line_of("five", text)] == [
        fault.line for fault in faults_of(text)
    ]


# what is changed, into what, where the fault is seen, what is said, how it is mended
BROKEN = [
    ("runbook: ShopAway", "runbook: ShopGone", "ShopGone", "not the name of this file", "runbook: ShopAway"),
    ("domain: gateway", "domain: gatway", "gatway", "gatway is no domain", "did you mean gateway?"),
    ("domain: gateway\n", "", "runbook:", "no domain", "write `domain: …`"),
    ("autonomy: suggest", "autonomie: suggest", "autonomie", "no key autonomie", "did you mean autonomy?"),
    ("cooldown: 15m", "cooldown: 15", "limits:", "cooldown of limits is no duration", "45s, 5m, 2h or 1d"),
    ("cents: 0", "cents: -1", "limits:", "cents of limits is no count", "a whole number or any"),
    ("drill: shop-away\n---", "drill: shop-away", "---", "never closed", "put a line ---"),
    ("drill: shop-away", "schedule: mothly", "mothly", "mothly is no schedule", "did you mean monthly?"),
    ("[ShopAway, ShopSlow]", "[]", "alerts", "nothing ever starts this", "give it a schedule"),
    ("cents: 0}", "cents: 0", "drill", "no YAML", "in quotes"),
    ("drill: shop-away", "drill: &x shop-away", "&x", "anchors and tags are refused", "write it out"),
    ("drill: shop-away", "drill: !!python/name:os.system x", "!!", "anchors and tags are refused", "write it out"),
    ("drill: shop-away", "drill: shop-away\ndrill: other", "drill: other", "drill stands twice", "leave one"),
    ("# ShopAway\n\n", "# Shop\n\n", "# Shop\n", "not the name of the file", "write # ShopAway"),
    ("## Verify", "## Verifie", "Verifie", "no heading of a playbook", "did you mean Verify?"),
    ("A provider does not answer.\n", "", "## Meaning", "nothing stands under Meaning", "say it in a sentence"),
    ("```check down", "```chek down", "chek", "chek is no kind of fence", "did you mean check?"),
    ("```check down", "```check", "```check\n", "a check has a name", "```check small-letters"),
    ("```check failing", "```check down", "```check down\nq", "two steps named down", "a name of its own"),
    ('read: gateway.health\nwith: {provider: "{provider}"}\nexpect', "expect", "```check down", "no read or query", "`read"),
    ('expect: {state: down, age_s: "> 30"}', 'expect: {state: "> x"}', "> x", "cannot be compared", "needs a number"),
    ("expect: {ok: true}", 'expect: {ok: "{fallback}"}', '"{fallback}"}\nwithin', "{fallback} in expect", "compare with a fixed value"),
    ("when: {down.state: down}", 'when: {down.state: "one of {provider}, x"}', "one of {", "{provider} in when", "a fixed value"),
    ('expect: {state: down, age_s: "> 30"}', "expect: {call.state: x}", "call.state", "a fact of another step", "state"),
    ("else: {go: call}", "else: {go: call, stop: x}", "else: {go: call", "has go and stop", "one of them"),
    ("else: {go: call}", "else: {goto: call}", "else: {goto", "no key goto", "did you mean go?"),
    ("otherwise: {go: switch}\n", "", "```choose", "no otherwise", "write `otherwise: …`"),
    ("do: route.put\n", "", "```act", "no do", "write `do: …`"),
    ('{order: "{fallback}"}', "{order: {fallback}}", "{order", "order in with", "in quotes"),
    ("lease: 30m", "lease: half an hour", "half", "no duration", "45s, 5m, 2h or 1d"),
    ("approve: true", "approve: yes", "approve", "neither true nor false", "write true or false"),
    ("to: customers", "to: custmers", "custmers", "nobody to tell", "did you mean customers?"),
    ("answers: [done, nobody answers]", "answers: done", "answers: done", "no list of words", "[one, two]"),
    ("text: Compare the day with the books.\n```", "text: Compare.\n", "```note", "never closed", "put a line ```"),
    ("```note hint\ntext: Compare the day with the books.\n```", "- ```note hint\n  text: Compare.\n  ```", "```note",
     "stands in a list", "left margin"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "seen", "problem", "mend"), BROKEN, ids=lambda value: value[:24])
def test_a_broken_playbook_says_where_what_and_how(old, new, seen, problem, mend):
    """One mistake each: among its faults is one of that line, with these words and this mend."""
    text = broken(old, new)
    line = text[: text.index(seen)].count("\n") + 1

    found = [fault for fault in faults_of(text) if fault.line == line and problem in fault.problem]

    assert found, faults_of(text)
    assert mend in found[0].mend
    assert str(found[0]).startswith(f"{PATH}:{line}: ")


def test_a_step_stands_where_it_belongs():
    """Nothing is changed while somebody still looks what it is."""
    act = "```act early\ndo: route.put\n```\n"

    assert "move it under Mitigation or Afterwards" in [
        fault.mend for fault in faults_of(WHOLE.replace("## Mitigation", act + "## Mitigation"))
    ]


def test_headings_keep_their_order():
    """A tired person finds each at the place it has in all of them."""
    text = broken("## Impact", "## Other").replace("## Meaning", "## Impact").replace("## Other", "## Meaning")

    assert [(line_of("## Meaning", text), "Meaning is not in its place")] == [
        (fault.line, fault.problem) for fault in faults_of(text)
    ]


def test_a_file_too_large_is_not_read():
    """A playbook is one page; whatever this is, nobody parses it."""
    assert ["the file is larger than 64 KB"] == [fault.problem for fault in faults_of(WHOLE + "x" * 65536)]


def test_a_nest_of_brackets_is_refused():
    """No text of 64 KB takes the reader down."""
    text = broken("drill: shop-away", f"drill: {'[' * 30000}")

    assert "this is nested too deeply" in [fault.problem for fault in faults_of(text)]


PIECES = st.sampled_from(
    [*WHOLE.split("\n"), "```", "---", "{", "}", "- ", "\x00", "\ud800", "&a", "*a", "? ", "\t", "''"]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=80).map("\n".join))
def test_whatever_it_is_given_it_is_read_or_its_faults_are_told(text):
    """No text takes the reader down: the library of a responder is read while it runs."""
    told: list[Fault] = []
    try:
        read_playbook(f"---\n{text}", PATH)
    except BrokenError as error:
        told = error.faults

    assert told, "nothing of this is a whole playbook"

"""The linter refuses a broken playbook with the line and the mend, and lets a whole one pass."""

import pytest

from runbooks.engine.reading import read_playbook
from tests.runbooks.format.pages import WHOLE, broken, line_of
from tests.runbooks.format.stand import faults_in

ACT = "```act switch\ndo: route.put"
AGAIN = "```act again\ndo: inbox.replay\n```\n\n"


def test_a_whole_playbook_passes():
    """Nothing to say about a page in which everything fits."""
    assert [] == faults_in(WHOLE)


# the mistake; what is changed, into what; the line of which words (of the changed page); what is said; how it is mended
BROKEN = [
    ("a jump to nowhere", "else: {go: call}", "else: {go: cal}", "{go: cal}", "goes to cal, which is no", "did you mean call?"),
    ("a jump back", "otherwise: {go: switch}", "otherwise: {go: down}", "{go: down}", "goes back to down", "forward only"),
    ("a loop", "else: {go: call}", "else: {go: failing}", "{go: failing}", "goes back to failing", "or stop"),
    ("a step nobody reaches", "otherwise: {go: switch}", "otherwise: {go: call}", "```act", "switch is never", "take it out"),
    ("a read there is not", "read: checkout.probe", "read: checkout.prob", "checkout.prob", "no read", "did you mean checkout.probe?"),
    ("an action there is not", "do: route.put", "do: route.set", "do: route", "no action", "did you mean route.put?"),
    ("an argument there is not", 'with: {order: "', 'with: {ordre: "', "ordre", "takes no ordre", "did you mean order?"),
    ("an argument that lacks", 'with: {order: "{fallback}"}\n', "", "do: route.put", "needs order", "with: {order: …}"),
    ("a lease as argument", 'with: {order: "', 'with: {lease_s: 60, order: "', "lease_s", "takes no lease_s", "`lease: 30m`"),
    ("a fact nobody gives", "expect: {ok: true}", "expect: {okay: true}", "{okay", "gives no fact okay", "did you mean ok?"),
    ("a fact of a query", 'expect: {value: "> 0"}', 'expect: {valu: "> 0"}', "valu:", "gives no fact valu", "did you mean value?"),
    ("a condition on no step", "when: {down.state: down}", "when: {dwn.state: down}", "dwn.state", "dwn is no earlier", "did you mean down?"),
    ("a condition on no fact", "when: {down.state: down}", "when: {down.stat: down}", "down.stat:", "gives no fact stat", "did you mean state?"),
    ("a fact of an act", "text: Compare", "text: After {switch.route} compare", "{switch.", "gives no fact route", "an act has none"),
    ("an answer nobody gives", "text: Compare the day with the books.\n```", "text: Hm.\n```\n\n```human more\ndo: Look.\nwhen: {call.answer: dne}\n```",
     "dne", "nobody answers dne", "did you mean done?"),
    ("a label nobody needs", "do: Call the support of {provider}", "do: Call the support of {provder}", "{provder}", "not among needs", "did you mean provider?"),
    ("a subject of no label", 'subject: "provider:{provider}"', 'subject: "{shop}"', "subject", "shop is not among", "needs: {shop"),
    ("a need nobody has", 'needs: {provider: ""', 'needs: {kind: a, provider: ""', "needs:", "nobody uses kind", "leave it out"),
    ("a label the alert lacks", "fallback: paypal", 'fallback: ""', "needs:", "brings no label fallback", ""),
    ("no PromQL", 'outcome="ok"}[3m]))', 'outcome="ok"}[3m])', "[3m])", "no PromQL", "in Prometheus"),
    ("no PromQL in the prose", "sum(cubano_gateway_breaker)", "sum(cubano_gateway_breaker", "breaker\n", "no PromQL", "in Prometheus"),
    ("a metric there is not", "sum(cubano_gateway_breaker)", "sum(cubano_gateway_braker)", "braker", "is not declared", "did you mean cubano_gateway_breaker?"),
    ("a label there is not", "sum by (provider) (inc", "sum by (provder) (inc", "(provder)", "the label provder", "did you mean provider?"),
    ("a value there is not", 'outcome="ok"}[3m', 'outcome="fine"}[3m', '"fine"', "'fine' is no outcome", "catalogue"),
    ("a range too short", 'outcome="ok"}[3m', 'outcome="ok"}[30s', "[30s", "four scrapes", "[1m]"),
    ("no lease", "lease: 30m\n", "", "do: route.put", "reverts by itself, and no time", "`lease: 30m`"),
    ("a lease too long", "lease: 30m", "lease: 8d", "lease:", "longer than seven days", "7d"),
    ("a lease too short", "lease: 30m", "lease: 2m", "lease:", "while it is being verified", "300 s"),
    ("a lease of what has none", 'do: route.put\nwith: {order: "{fallback}"}', "do: inbox.replay", "lease:", "has no lease", "leave `lease` out"),
    ("no undo", 'do: route.put\nwith: {order: "{fallback}"}\nlease: 30m', "do: limits.put\nwith: {policy: x}", "do: limits", "nothing says that it is put back", "`undo: true`"),
    ("an undo there is not", "lease: 30m", "lease: 30m\nundo: true", "undo:", "cannot be undone", "leave `undo` out"),
    ("no time to verify", "within: 5m", "within: 20m", "within:", "run is over before", "deadline of 1200"),
    ("no drill named", "drill: shop-away\n", "", "domain:", "no drill has proved it", "`drill: name"),
    ("a drill there is not", "drill: shop-away", "drill: shop-awy", "drill:", "no drill shop-awy", "did you mean shop-away?"),
    ("a drill of something else", "drill: shop-away", "drill: quiet-night", "drill:", "is about no playbook", "playbook: ShopAway"),
    ("an alert there is not", "[ShopAway, ShopSlow]", "[ShopAway, ShopSlwo]", "alerts", "no alert ShopSlwo", "did you mean ShopSlow?"),
    ("a dashboard there is not", "/d/gateways", "/d/gateway", "/d/gateway", "no dashboard gateway", "did you mean gateways?"),
    ("a dashboard not named", "Dashboard: /d/gateways.", "Look.", "## Diagnosis", "dashboard of ShopAway is not named", "/d/gateways"),
    ("a link to nowhere", "(DbDown.md)", "(DbDwn.md)", "DbDwn", "leads nowhere", "did you mean DbDown.md?"),
    ("a notice there is not", "template: provider-disturbed", "template: provider-distrubed", "template", "no notice", "did you mean provider-disturbed?"),
    ("a notice without its word", 'template: provider-disturbed\nwith: {provider: "{provider}"}', "template: provider-disturbed", "template", "needs provider", "with: {provider"),
    ("too many words", "Breakers do the work.", "word " * 401, "## Meaning", "400 at most", "leave out"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "seen", "problem", "mend"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN]
)
def test_a_broken_playbook_is_refused_with_line_and_mend(old, new, seen, problem, mend):
    """One mistake each: the linter names its line, says what is wrong, and how it is mended."""
    text = broken(old, new)
    line = text[: text.index(seen)].count("\n") + 1

    found = [fault for fault in faults_in(text) if fault.line == line and problem in fault.problem]

    assert found, faults_in(text)
    assert mend in found[0].mend


def test_a_text_names_only_what_every_way_has_found_out():
    """A check that some ways jump over may leave a hole in the sentence."""
    check = "```check dead\nread: inbox.dead\nexpect: {count: 0}\n```\n\n"
    text = broken(
        "```choose kind", f"{check}```choose kind", broken("text: Compare", "text: After {dead.count} compare")
    )

    assert [(line_of("text: After", text), "{dead.count} may not be known yet")] == [
        (fault.line, fault.problem) for fault in faults_in(text)
    ]


def test_an_act_without_verify_is_refused():
    """What changes something has to look whether it helped."""
    text = broken("```verify recovered", "```text recovered")

    assert "this changes something and never looks whether it helped" in [fault.problem for fault in faults_in(text)]


def test_no_way_from_an_act_leads_past_the_verify():
    """A check behind the act that stops would leave the change, and nobody would know whether it helped."""
    check = "```check still\nread: checkout.probe\nexpect: {ok: true}\nelse: {stop: It is worse.}\n```\n\n"
    text = broken("```human call", f"{check}```human call")

    assert [(line_of(ACT.partition("\n")[0], text), "after switch the run can end without a verify")] == [
        (fault.line, fault.problem) for fault in faults_in(text)
    ]


def test_only_small_things_that_revert_are_done_without_a_person():
    """`auto` with an act of medium risk is refused."""
    act = "```act tight\ndo: limits.put\nwith: {policy: forms}\nundo: true\n```\n\n"
    text = broken("```human call", f"{act}```human call", broken("autonomy: suggest", "autonomy: auto"))

    assert [(line_of("autonomy:", text), "tight is not done without a person: its risk is medium")] == [
        (fault.line, fault.problem) for fault in faults_in(text)
    ]


def test_an_alert_without_playbook_and_one_with_two():
    """Each alert starts one playbook, and its name leads there."""
    other = WHOLE.replace("ShopAway", "ShopSlow").replace("[ShopSlow, ShopSlow]", "[ShopSlow]")
    both = [(read_playbook(other, "runbooks/playbooks/ShopSlow.md"), other)]
    drills = {"shop-away": "ShopAway"}

    lost = faults_in(WHOLE, alerts=("ShopAway", "ShopSlow", "ShopLost"))
    twice = [fault for fault in faults_in(WHOLE, others=both, drills=drills) if "two playbooks" in fault.problem]

    assert [("runbooks/playbooks/ShopLost.md", "ShopLost has no playbook")] == [
        (each.path, each.problem) for each in lost
    ]
    assert [("runbooks/playbooks/ShopAway.md", "one alert starts one playbook: leave it to ShopSlow")] == [
        (each.path, each.mend) for each in twice
    ]


def test_a_drill_that_its_playbook_does_not_know_is_told():
    """Seen from the drill's side too."""
    found = faults_in(WHOLE, drills={"shop-away": "ShopAway", "shop-slow": "ShopAway", "old": "ShopGone"})

    assert ["runbooks/drills/old.md"] == [fault.path for fault in found]  # shop-slow is a harder one of the same
    assert ["it is about ShopGone, which there is not"] == [fault.problem for fault in found]


def test_what_is_scheduled_brings_no_labels():
    """No alert, no labels: each needs something that stands in for it."""
    text = broken("[ShopAway, ShopSlow]", "[]\nschedule: monthly")

    assert "what is scheduled brings no provider" in [fault.problem for fault in faults_in(text, alerts=())]


def test_it_knows_many_kinds_of_mistake():
    """Twenty were promised."""
    assert len(BROKEN) >= 20

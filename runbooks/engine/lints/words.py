"""Names in texts and conditions are labels or facts that somebody has found out by then. Pure."""

from runbooks.engine.facts import Matcher, names
from runbooks.engine.faults import meant
from runbooks.engine.lints.entries import facts_of
from runbooks.engine.lints.flow import graph, surely_before
from runbooks.engine.lints.sheet import Sheet, asked_names, conditions
from runbooks.engine.playbook import Check, Human, Step

ANSWER = "answer"  # the fact of a human step


def look_at_words(sheet: Sheet) -> None:
    steps = sheet.playbook.steps
    before = surely_before(graph(steps), len(steps))
    for number, step in enumerate(steps):
        passed = {steps[each].name for each in before[number]}
        for name in sorted(asked_names(step)):
            _look_at_name(sheet, step, name, passed)
        for when in conditions(step):
            for name, matcher in when.items():
                _look_at_condition(sheet, step, name, matcher)
    for name in sorted(names(sheet.playbook.subject)):
        if name not in sheet.playbook.needs:
            sheet.fault(None, "subject:", f"{name} is not among needs", f'write `needs: {{{name}: ""}}`')
    _look_at_needs(sheet)


def _look_at_name(sheet: Sheet, step: Step, name: str, passed: set[str]) -> None:
    if _is_known(sheet, step, name) and "." in name and name.partition(".")[0] not in passed:
        mend = f"let every way here come past {name.partition('.')[0]}, or leave it out"
        sheet.fault(step, f"{{{name}}}", f"{{{name}}} may not be known yet", mend)


def _look_at_condition(sheet: Sheet, step: Step, name: str, matcher: Matcher) -> None:
    if not _is_known(sheet, step, name):
        return
    source = next((each for each in sheet.playbook.steps if each.name == name.partition(".")[0]), None)
    if isinstance(source, Human) and source.answers and matcher.op in {"==", "in", "!="}:
        for value in matcher.values:
            if str(value) not in source.answers:
                sheet.fault(step, name, f"nobody answers {value} to {source.name}", meant(str(value), source.answers))


def _is_known(sheet: Sheet, step: Step, name: str) -> bool:
    """Whether a label or fact is one that there is; a fault where not."""
    source, dot, fact = name.partition(".")
    if not dot:
        if name not in sheet.playbook.needs:
            mend = meant(name, sheet.playbook.needs, f'write `needs: {{{name}: ""}}`, or step.fact for a fact')
            sheet.fault(step, name, f"{name} is not among needs", mend)
        return name in sheet.playbook.needs
    earlier = _before(sheet, step)
    if source not in earlier:
        mend = meant(source, earlier, "name a check above it")
        sheet.fault(step, name, f"{source} is no earlier step", mend)
        return False
    given = _facts(sheet, earlier[source])
    if given is None or fact in given or (fact.startswith("label_") and given >= {"value", "sum"}):
        return True
    sheet.fault(step, name, f"{source} gives no fact {fact}", meant(fact, given, "a check has facts, an act has none"))
    return False


def _before(sheet: Sheet, step: Step) -> dict[str, Step]:
    steps = sheet.playbook.steps
    return {each.name: each for each in steps[: steps.index(step)]}


def _facts(sheet: Sheet, step: Step) -> set[str] | None:
    match step:
        case Check():
            return facts_of(sheet, step.look)
        case Human():
            return {ANSWER}
    return set()


def _look_at_needs(sheet: Sheet) -> None:
    playbook = sheet.playbook
    used = set(names(playbook.subject))
    for step in playbook.steps:
        used |= asked_names(step) | {name for when in conditions(step) for name in when}
    for label, otherwise in playbook.needs.items():
        if label not in used:
            sheet.fault(None, "needs:", f"nobody uses {label}", "leave it out of needs")
        if not otherwise and not playbook.alerts:
            mend = f"write `needs: {{{label}: …}}` with what stands in for it"
            sheet.fault(None, "needs:", f"what is scheduled brings no {label}", mend)

"""The way through a playbook: which step comes first, which one next, and which of them asks for a fact. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from runbooks.engine.facts import Facts, Matcher, names, unmet
from runbooks.engine.playbook import Act, Check, Choose, Go, Human, Look, Next, Notify, Playbook, Step, Stop, Verify
from runbooks.engine.runs import END


def first(playbook: Playbook) -> str:
    """The name of the first step; END when there is none."""
    return playbook.steps[0].name if playbook.steps else END


def following(playbook: Playbook, step: Step, then: Next) -> str:
    """The name of the step that is next; END behind the last, and where the playbook says stop."""
    if isinstance(then, Go):
        return then.step
    if isinstance(then, Stop):
        return END
    order = [each.name for each in playbook.steps]
    place = order.index(step.name) + 1
    return order[place] if place < len(order) else END


def fits(when: Mapping[str, Matcher], facts: Facts) -> bool:
    """Whether a step's condition is so; none always is."""
    return not unmet(when, facts)


def condition(when: Mapping[str, Matcher], facts: Facts, lost: Iterable[str]) -> str:
    """Of an act: `fits`, `skipped`, or `unknown` where it asks for a fact of a step that got no answer (`lost`)."""
    if fits(when, facts):
        return "fits"
    silent = set(lost)
    return (
        "unknown" if any(name.partition(".")[0] in silent and facts.get(name) is None for name in when) else "skipped"
    )


def chosen(step: Choose, facts: Facts) -> tuple[str, Next]:
    """Which branch it is, by its number or `otherwise`, and where that leads."""
    for number, branch in enumerate(step.branches, 1):
        if fits(branch.when, facts):
            return f"branch {number}", branch.then
    return "otherwise", step.otherwise


def is_asked_for(playbook: Playbook, fact: str) -> bool:
    """Whether any step depends on this fact."""
    return any(fact in _asked(step) for step in playbook.steps)


def _asked(step: Step) -> set[str]:
    if isinstance(step, Act):
        return set(step.when) | _in(step.args.values())
    if isinstance(step, Human):
        return set(step.when)
    if isinstance(step, Choose):
        return {name for branch in step.branches for name in branch.when}
    if isinstance(step, Notify):
        return _in(step.args.values())
    if isinstance(step, Check | Verify):
        return {name for look in _looks(step) for name in names(look.query) | _in(look.args.values())}
    return set()


def _looks(step: Check | Verify) -> Iterator[Look]:
    if isinstance(step, Check):
        yield step.look
    else:
        yield from (*step.all, *step.worse)


def _in(texts: Iterable[str]) -> set[str]:
    return {name for text in texts for name in names(text)}

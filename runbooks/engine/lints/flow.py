"""The way through a playbook: jumps go forward to steps that exist, each step is reached, and what was changed is verified. Pure."""

from collections.abc import Mapping, Sequence

from runbooks.engine.faults import meant
from runbooks.engine.lints.sheet import Sheet, jumps, ways
from runbooks.engine.playbook import Act, Choose, Continue, Go, Step, Stop, Verify

Graph = Mapping[int, frozenset[int]]  # step -> steps that may come next; the number of steps stands for the end


def look_at_flow(sheet: Sheet) -> None:
    steps = sheet.playbook.steps
    _look_at_jumps(sheet)
    next_ones = graph(steps)
    reached = reachable(next_ones, 0)
    for number, step in enumerate(steps):
        if number not in reached:
            sheet.fault(step, "", f"{step.name} is never reached", "let an earlier step go there, or take it out")
    if sheet.playbook.is_executable:
        _look_at_proof(sheet, next_ones)


def _look_at_jumps(sheet: Sheet) -> None:
    places = {step.name: number for number, step in enumerate(sheet.playbook.steps)}
    for number, step in enumerate(sheet.playbook.steps):
        for target in jumps(step):
            if target not in places:
                later = [name for name, place in places.items() if place > number]
                sheet.fault(
                    step, f"go: {target}", f"{step.name} goes to {target}, which is no step", meant(target, later)
                )
            elif places[target] <= number:
                mend = "a playbook runs forward only: go to a later step, or stop"
                sheet.fault(step, f"go: {target}", f"{step.name} goes back to {target}", mend)


def _look_at_proof(sheet: Sheet, next_ones: Graph) -> None:
    steps = sheet.playbook.steps
    verifies = frozenset(number for number, step in enumerate(steps) if isinstance(step, Verify))
    if not verifies:
        act = sheet.playbook.acts[0]
        sheet.fault(act, "", "this changes something and never looks whether it helped", "add a verify under Verify")
        return
    for number, step in enumerate(steps):
        if isinstance(step, Act) and len(steps) in reachable(next_ones, number, without=verifies):
            mend = "let every way from here, also each stop, come past a verify"
            sheet.fault(step, "", f"after {step.name} the run can end without a verify", mend)


def graph(steps: Sequence[Step]) -> Graph:
    """Which step may follow which; jumps to nowhere are left out."""
    places = {step.name: number for number, step in enumerate(steps)}
    found: dict[int, frozenset[int]] = {}
    for number, step in enumerate(steps):
        targets = set() if isinstance(step, Choose) else {number + 1}
        for way in ways(step):
            match way:
                case Go():
                    targets |= {places[way.step]} if places.get(way.step, -1) > number else set()
                case Stop():
                    targets.add(len(steps))
                case Continue():
                    targets.add(number + 1)
        found[number] = frozenset(targets)
    return found


def reachable(next_ones: Graph, start: int, without: frozenset[int] = frozenset()) -> set[int]:
    """Every step that can come after `start`, with it, when no way leads through `without`."""
    seen, waiting = set(), [start]
    while waiting:
        number = waiting.pop()
        if number not in seen and number not in without:
            seen.add(number)
            waiting += next_ones.get(number, ())
    return seen


def surely_before(next_ones: Graph, count: int) -> list[frozenset[int]]:
    """For each step, those that every way to it has passed."""
    before: list[frozenset[int] | None] = [frozenset()] + [None] * count
    for number in range(count):
        known = before[number]
        if known is None:
            continue
        for target in next_ones[number]:
            passed, there = known | {number}, before[target]
            before[target] = passed if there is None else there & passed
    return [frozenset(range(count)) if each is None else each for each in before[:count]]  # None: never reached

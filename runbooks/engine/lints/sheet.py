"""One playbook on the linter's desk: its text, its faults, and what there is beside it. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from monitoring.alert import Alert
from runbooks.engine.facts import Matcher, names
from runbooks.engine.faults import Faults
from runbooks.engine.notices import Notice
from runbooks.engine.playbook import (
    Act,
    Check,
    Choose,
    Go,
    Human,
    Look,
    Next,
    Note,
    Notify,
    Playbook,
    Step,
    Stop,
    Verify,
)
from runbooks.engine.registry import Registry


@dataclass(frozen=True)
class Around:
    """What a playbook may speak of. `drills` are playbooks by drill, "" for one that is about none; None: do not look."""

    registry: Registry
    alerts: Sequence[Alert]
    drills: Mapping[str, str] | None
    dashboards: Collection[str]
    notices: Mapping[str, Notice]


@dataclass(frozen=True)
class Sheet:
    """A playbook with its lines."""

    playbook: Playbook
    lines: Sequence[str]
    around: Around
    faults: Faults

    def fault(self, step: Step | None, words: str, problem: str, mend: str) -> None:
        """A fault at the line of these words in the step (or the whole file); at its first line where they are not found."""
        self.faults.add(self.line(step, words), problem, mend)

    def line(self, step: Step | None, words: str) -> int:
        start = step.line if step is not None else 1
        for number, line in enumerate(self.lines[start - 1 :], start):
            if words and words in line:
                return number
            if step is not None and number > start and line.startswith("```"):
                break
        return start

    def looks(self) -> Iterator[tuple[Step, Look]]:
        """Every question of the playbook."""
        for step in self.playbook.steps:
            if isinstance(step, Check):
                yield step, step.look
            elif isinstance(step, Verify):
                yield from ((step, look) for look in (*step.all, *step.worse))


def ways(step: Step) -> list[Next]:
    """Where a step says to go, besides the next one."""
    match step:
        case Check():
            return [step.otherwise]
        case Choose():
            return [*(branch.then for branch in step.branches), step.otherwise]
    return []


def conditions(step: Step) -> list[Mapping[str, Matcher]]:
    """What a step asks of facts that are known already."""
    match step:
        case Act() | Human():
            return [step.when]
        case Choose():
            return [branch.when for branch in step.branches]
    return []


def texts(step: Step) -> list[str]:
    """Texts of a step in which facts and labels may stand."""
    found = [each.reason for each in ways(step) if isinstance(each, Stop)]
    match step:
        case Check():
            found += _asked(step.look)
        case Verify():
            found += [text for look in (*step.all, *step.worse) for text in _asked(look)]
        case Act() | Notify():
            found += step.args.values()
        case Human():
            found.append(step.do)
        case Note():
            found.append(step.text)
    return found


def asked_names(step: Step) -> set[str]:
    """Every fact and label that the texts of a step ask for."""
    return {name for text in texts(step) for name in names(text)}


def _asked(look: Look) -> list[str]:
    return [look.query, *look.args.values()]


def jumps(step: Step) -> list[str]:
    """Names of the steps it may jump to."""
    return [each.step for each in ways(step) if isinstance(each, Go)]

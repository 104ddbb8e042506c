"""What is wrong with a playbook: where it stands, what it is, and how it is mended. Pure.

All faults of a file are told at once; nobody mends a page one error at a time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong. `line` counts from 1 in the file of `path`."""

    path: str
    line: int
    problem: str
    mend: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.problem}; {self.mend}"


class BrokenError(Exception):
    """A file is no playbook; `faults` say why, in the order of their lines."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = sorted(faults)
        super().__init__("\n".join(map(str, self.faults)))


class Faults:
    """Gathers the faults of one file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.found: list[Fault] = []

    def add(self, line: int, problem: str, mend: str) -> None:
        fault = Fault(self.path, line, problem, mend)
        if fault not in self.found:
            self.found.append(fault)


def meant(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """How a word that nobody knows is mended: the nearest one there is, else all of them if they are few."""
    names = sorted(set(known))
    if near := get_close_matches(word, names, n=1, cutoff=0.6):
        return f"did you mean {near[0]}?"
    if otherwise:
        return otherwise
    if not names:
        return "there is none; leave it out"
    return f"it is one of {', '.join(names)}" if len(names) <= 12 else f"there are {len(names)}, none like it"  # noqa: PLR2004 - more is no help in one line

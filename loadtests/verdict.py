"""What may be said of a release: a row for each thing that was judged, and one word for all of them together.

Nobody may be fooled: what is missing, what came from a generator that was late or from a machine that was busy with other
things, and what too few requests say is `inconclusive`, never a pass. Money that is wrong outweighs all, a target that
was not well before the start comes next. The exit codes are those of the design.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

USAGE, INTERRUPTED = 2, 130


class Verdict(StrEnum):
    """From the worst to the best, in the order in which one outweighs the others."""

    MONEY = "money"
    UNHEALTHY = "unhealthy"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    PASS = "pass"  # noqa: S105 - a verdict, no secret

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self]

    @property
    def told(self) -> str:
        """For people, as a sentence's end: this release …"""
        return TOLD[self]


EXIT_CODES = {
    Verdict.PASS: 0,
    Verdict.FAIL: 1,
    Verdict.INCONCLUSIVE: 3,
    Verdict.UNHEALTHY: 4,
    Verdict.MONEY: 5,
}
TOLD = {
    Verdict.PASS: "may go out",
    Verdict.FAIL: "breaks a promise or is slower than it was",
    Verdict.INCONCLUSIVE: "cannot be judged from this",
    Verdict.UNHEALTHY: "was not well before anybody came",
    Verdict.MONEY: "gets money or seats wrong",
}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was judged. `found` must not lie above `limit`; `low` and `high` are its interval of 95 %."""

    scenario: str
    name: str
    told: str  # for people
    verdict: Verdict
    found: float | None = None
    limit: float | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    why: str = ""  # what is missing, or what is wrong

    @property
    def strain(self) -> float:
        """How much of the limit is used: 1 is all of it. What was not measured strains nothing."""
        if self.found is None or self.limit is None:
            return 0
        return self.found / self.limit if self.limit else (2.0 if self.found > 0 else 0)


def worst_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Of all together; of nothing nobody knows anything."""
    found = set(verdicts)
    return next((each for each in Verdict if each in found), Verdict.INCONCLUSIVE)


def overall(rows: Sequence[Row]) -> Verdict:
    """The word for all rows."""
    return worst_of(each.verdict for each in rows)


def worst(rows: Iterable[Row], count: int = 3) -> list[Row]:
    """The rows to look at first, each kind of thing once: the worst verdicts, and of those the nearest to their limits."""
    ranks = {each: rank for rank, each in enumerate(Verdict)}
    measured = [each for each in rows if each.limit is not None or each.verdict is not Verdict.PASS]
    ordered = sorted(measured, key=lambda each: (ranks[each.verdict], -each.strain))
    first = {each.name: each for each in reversed(ordered)}
    return [each for each in ordered if first[each.name] is each][:count]


def reasons(rows: Iterable[Row], verdict: Verdict) -> list[str]:
    """Why it is this word: what each row of it has to say."""
    return [f"{each.scenario}: {each.why or each.told}" for each in rows if each.verdict is verdict]

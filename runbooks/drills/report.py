"""What a drill found, as data: times since the fault, the price for customers, and every reason why it is not green."""

from collections.abc import Mapping
from typing import Any

import msgspec


class Moment(msgspec.Struct, frozen=True):
    """One line of the timeline; seconds since the fault."""

    at_s: float
    what: str
    lane: str  # fault, alert, people, run, customers


class Report(msgspec.Struct, kw_only=True):
    """Times are None when it never came to that. `faults` empty is green."""

    drill: str
    playbook: str
    version: str = ""  # of the playbook
    drill_version: str = ""  # of the drill's own file
    scale: int
    at: str
    negative: bool = False
    detect_s: float | None = None  # the alert fires
    notify_s: float | None = None  # the responder has heard of it
    plan_s: float | None = None  # a person can read what would be done
    approve_s: float | None = None
    mitigate_s: float | None = None  # the first act has taken hold
    recover_s: float | None = None  # verified
    revert_s: float | None = None  # leases have ended, since the run did
    wall_s: float = 0.0
    state: str = ""  # of the run at its end
    price: Mapping[str, int] = {}
    refusals: Mapping[str, int] = {}  # why people were turned away
    pages: list[str] = []  # everything somebody was woken for
    unexpected: list[str] = []
    budget: Mapping[str, float] = {}  # share of the error budget used, by objective
    moments: list[Moment] = []
    faults: list[str] = []
    run: Mapping[str, Any] | None = None

    @property
    def is_green(self) -> bool:
        return not self.faults

    def moment(self, at_s: float, what: str, lane: str) -> None:
        self.moments.append(Moment(round(at_s, 1), what, lane))

    def fault(self, sentence: str) -> None:
        self.faults.append(sentence)

"""A playbook as data: what `reading` makes of a Markdown file, and what everything else works on. Pure.

Steps stand in the order of the file and are played in that order; `choose` and `otherwise` jump. Names of steps are unique
in a playbook. Durations are seconds at the pace of production; a drill divides them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from runbooks.engine.facts import Matcher

HEADINGS = ("Meaning", "Impact", "Diagnosis", "Mitigation", "Verify", "Customers", "Escalate", "Afterwards")


class Autonomy(StrEnum):
    """How far a playbook goes by itself: look, propose, or act where the risk is low and the act is leased."""

    OBSERVE = "observe"
    SUGGEST = "suggest"
    AUTO = "auto"


class Domain(StrEnum):
    """Where a fault sits; one run that changes something at a time in each."""

    GATEWAY = "gateway"
    DATABASE = "database"
    SERVICE = "service"
    WORKER = "worker"
    MAIL = "mail"
    MONEY = "money"
    ACCESS = "access"
    MONITORING = "monitoring"


@dataclass(frozen=True)
class Limits:
    """How much a run may touch, and how often it may run for one subject; None: nobody has to be asked for the number."""

    runs_per_day: int = 6
    cooldown_s: int = 900
    deadline_s: int = 1200
    orders: int | None = None
    sessions: int | None = None
    cents: int | None = 0


@dataclass(frozen=True)
class Go:
    """On to the step of this name."""

    step: str


@dataclass(frozen=True)
class Stop:
    """The run ends here: it is another fault, or a person's work. Markdown."""

    reason: str


@dataclass(frozen=True)
class Continue:
    """The next step."""


Next = Go | Stop | Continue
Args = Mapping[str, str]  # values may hold `{label}` and `{step.fact}`


@dataclass(frozen=True)
class Look:
    """One question: a registry's read with its arguments, or a PromQL query; and what its answer has to be."""

    read: str = ""
    query: str = ""
    args: Args = field(default_factory=dict)
    expect: Mapping[str, Matcher] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """What all steps have: a name, its line in the file, and the heading it stands under."""

    name: str
    line: int
    heading: str


@dataclass(frozen=True)
class Check(Step):
    """Asks, and goes on as said when the answer is another."""

    look: Look
    otherwise: Next = field(default_factory=Continue)


@dataclass(frozen=True)
class Act(Step):
    """Changes something: an action of the registry. `lease_s` 0: none; `undo`: it is put back when it made things worse."""

    do: str
    args: Args = field(default_factory=dict)
    lease_s: int = 0
    undo: bool = False
    when: Mapping[str, Matcher] = field(default_factory=dict)
    approve: bool = False  # always by a person, whatever the risk


@dataclass(frozen=True)
class Verify(Step):
    """Recovered when all answers are as expected at once, within the time; `worse` is judged before that."""

    all: tuple[Look, ...]
    within_s: int
    worse: tuple[Look, ...] = ()
    undo: bool = True  # what was done is put back when it became worse


@dataclass(frozen=True)
class Human(Step):
    """A person does it and says so; `answers` empty: any text is written down."""

    do: str
    answers: tuple[str, ...] = ()
    when: Mapping[str, Matcher] = field(default_factory=dict)


@dataclass(frozen=True)
class Branch:
    """Where to go when all of `when` is so."""

    when: Mapping[str, Matcher]
    then: Next


@dataclass(frozen=True)
class Choose(Step):
    """The first branch that fits."""

    branches: tuple[Branch, ...]
    otherwise: Next


@dataclass(frozen=True)
class Notify(Step):
    """A draft for somebody, from a template; a person sends it."""

    to: str  # customers, support or the owner
    template: str
    args: Args = field(default_factory=dict)


@dataclass(frozen=True)
class Note(Step):
    """Written into the journal as it stands."""

    text: str


@dataclass(frozen=True)
class Evidence(Step):
    """A query of the prose (a `promql` fence): its answer is kept, nothing depends on it."""

    query: str


@dataclass(frozen=True)
class Playbook:
    """One file. `version` is the first 12 digits of the SHA-256 of its bytes: a changed playbook is another one."""

    name: str
    version: str
    path: str
    alerts: tuple[str, ...]
    subject: str  # template, for example "provider:{provider}"
    domain: Domain
    autonomy: Autonomy
    needs: Mapping[str, str]  # labels its steps use -> what stands in when an alert has them not ("" for: it must)
    limits: Limits
    drill: str  # name of its drill; "" when nothing in it is executed
    schedule: str  # "" or: daily, weekly, monthly, yearly, before-sale
    steps: tuple[Step, ...]
    sections: Mapping[str, str]  # heading -> its Markdown

    @property
    def acts(self) -> tuple[Act, ...]:
        return tuple(each for each in self.steps if isinstance(each, Act))

    @property
    def is_executable(self) -> bool:
        """It changes something by itself; others look and guide a person."""
        return bool(self.acts)

    def step(self, name: str) -> Step:
        return next(each for each in self.steps if each.name == name)

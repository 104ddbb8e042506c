"""A drill as data: the front matter of `runbooks/drills/<name>.md`; its prose says what it proves and to whom that matters.

Durations are seconds of the wall: the rules, leases and waits of the system it runs in are scaled by one factor, which the
report names. To add one, write a file; the linter and the coverage table find it.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

FOLDER = Path(__file__).parent
SCALE = 40  # the rules of an hour in a minute and a half
_MATTER = re.compile(r"\A---\n(.*?)\n---\n+# (\S+)\n(.*)\Z", re.DOTALL)

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{1,60}$")]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=300)]


class BrokenDrillError(ValueError):
    """The file is no drill; the message names the file and what is wrong."""


class Strike(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault: an entry of `runbooks.drills.faults`, with its arguments, so many seconds after the drill began, or `once`
    somebody has a plan before him.
    """

    do: str
    args: Mapping[str, Any] = msgspec.field(default_factory=dict, name="with")
    at_s: Seconds = 0
    once: Literal["steady", "planned"] = "steady"


class Load(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Buyers that come while it lasts: how many a second, which provider they ask for ("" leaves the choice to us), and the
    share whose first card is declined.
    """

    per_second: Annotated[float, msgspec.Meta(gt=0, le=20)] = 2
    declined: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0
    providers: tuple[str, ...] = ("",)


class Within(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What it has to keep, in seconds since the fault began."""

    detect: Seconds = 30
    mitigate: Seconds = 45
    recover: Seconds = 60


class Drill(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`playbook` is whose run must end in `ends`; a negative drill has none and must leave everybody asleep.

    `starts` says by what: its alert, or a person's hand where it is only scheduled. `person` decides for it: approve,
    refuse, late (after the approval has expired), or nobody. `heal` is when the fault is taken away: `before` the run is
    approved or when it has `asked` somebody (what only a person can mend), `after` the run has ended, or `never` because the run
    itself does it. `kill` names a checkpoint of the engine at which it is ended by SIGKILL.
    """

    drill: Name
    playbook: str = ""
    alert: str = ""  # its name, when it is not the playbook's
    allows: tuple[str, ...] = ()  # other alerts that are true at the same time
    faults: tuple[Strike, ...] = ()
    beside: tuple[str, ...] = ()  # playbooks that have a run of their own at the same time
    load: Load = msgspec.field(default_factory=Load)
    starts: Literal["alert", "hand"] = "alert"
    person: Literal["approve", "refuse", "late", "nobody"] = "approve"
    answers: Mapping[str, str] = {}  # to human steps, by their names
    heal: Literal["before", "asked", "after", "never"] = "after"
    ends: tuple[str, ...] = ("recovered",)
    within: Within = msgspec.field(default_factory=Within)
    lasts_s: Seconds = 0  # for how long the fault stays after the run has ended: what is told then is told again
    silent: tuple[str, ...] = ()  # of a negative drill: alerts that must not fire, and have the time to
    quiet_s: Seconds = 15  # of a negative drill: how long nobody may be told anything, at least
    kill: str = ""
    settings: Mapping[str, str] = {}  # of the system, beside the usual ones
    story: str = ""
    version: str = ""  # the first 12 digits of the SHA-256 of its file: a changed drill is another one

    @property
    def is_negative(self) -> bool:
        return not self.playbook

    @property
    def expected(self) -> str:
        """The alert that has to come; "" for none."""
        return self.alert or self.playbook


def read_drill(text: str, path: str) -> Drill:
    """From a file's text; `BrokenDrillError` says what is wrong with it."""
    found = _MATTER.match(text.replace("\r\n", "\n"))
    if found is None:
        raise BrokenDrillError(f"{path}: front matter between two lines of ---, then # and the drill's name")
    try:
        matter = yaml.safe_load(found[1])
        own = {"story": found[3].strip(), "version": sha256(text.encode()).hexdigest()[:12]}
        drill = msgspec.convert({**matter, **own}, Drill, strict=False)
    except (yaml.YAMLError, msgspec.ValidationError, TypeError) as error:
        raise BrokenDrillError(f"{path}: {error}") from None
    stem = Path(path).stem
    if drill.drill != stem or found[2] != stem:
        raise BrokenDrillError(f"{path}: the drill, its title and its file have one name, {stem}")
    if drill.is_negative and drill.alert:
        raise BrokenDrillError(f"{path}: a drill without a playbook expects no alert; use allows")
    if drill.is_negative and not drill.silent:
        raise BrokenDrillError(f"{path}: a drill without a playbook names the alerts that must be silent")
    return drill


def load_drills(folder: Path = FOLDER) -> dict[str, Drill]:
    """All of them by name."""
    read = [read_drill(path.read_text(), str(path)) for path in sorted(folder.glob("*.md"))]
    return {each.drill: each for each in read}

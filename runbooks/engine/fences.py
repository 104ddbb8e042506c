"""The typed fences of a playbook: each kind becomes a step. Pure.

A fence is opened by ```` ```kind name ````; its body is YAML. A new kind is a row of `KINDS` and a function below, and a
class in `playbook`; the runner's match says where it is missing.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from runbooks.engine.faults import Faults, meant
from runbooks.engine.fields import Field, parse
from runbooks.engine.forms import Form
from runbooks.engine.playbook import (
    HEADINGS,
    Act,
    Branch,
    Check,
    Choose,
    Continue,
    Go,
    Human,
    Look,
    Next,
    Note,
    Notify,
    Step,
    Stop,
    Verify,
)

AUDIENCES = ("customers", "support", "owner")
PROSE = ("", "promql", "console", "sql", "text", "json", "jq")  # fences that are read by people, and not played
VERIFY_WITHIN_S = 300
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_LOOK = ("read", "query", "with", "expect")
_LATE = HEADINGS[2:]  # what a person does, or is told, stands in any but Meaning and Impact
_BACK = HEADINGS[-1]  # there what helped is taken back, and looked at once more


@dataclass(frozen=True)
class Fence:
    """One fence as it stands in the file; `line` is that of its opening."""

    info: str
    body: str
    line: int
    heading: str

    @property
    def kind(self) -> str:
        return self.info.split(maxsplit=1)[0] if self.info.strip() else ""


@dataclass(frozen=True)
class Place:
    """What all steps begin with."""

    name: str
    line: int
    heading: str


@dataclass(frozen=True)
class Kind:
    """A kind of fence: its keys, the headings it stands under, what it is for, and who reads it."""

    means: str
    keys: tuple[str, ...]
    headings: tuple[str, ...]
    read: Callable[[Place, Form], Step]


def read_step(fence: Fence, faults: Faults) -> Step | None:
    """The step of a fence; None where it is one for people, or so broken that nothing can be said of it."""
    words = fence.info.split()
    kind = KINDS.get(fence.kind)
    if kind is None:
        if fence.kind not in PROSE:
            mend = meant(fence.kind, (*KINDS, *PROSE[1:]))
            faults.add(fence.line, f"{fence.kind} is no kind of fence", mend)
        return None
    if len(words) != 2 or not _NAME.fullmatch(words[1]):  # noqa: PLR2004 - kind and name
        faults.add(
            fence.line, f"a {fence.kind} has a name of its own", f"write ```{fence.kind} small-letters-and-hyphens"
        )
        return None
    if fence.heading not in kind.headings:
        under = fence.heading or "no heading"
        faults.add(
            fence.line, f"a {fence.kind} cannot stand under {under}", f"move it under {' or '.join(kind.headings)}"
        )
    body = parse(fence.body, fence.line + 1, faults)
    if body is None:
        return None
    form = Form(Field(fence.line, body.value), kind.keys, f"{fence.kind} {words[1]}", faults)
    return kind.read(Place(words[1], fence.line, fence.heading), form)


def _check(place: Place, form: Form) -> Step:
    return Check(**vars(place), look=_look(form), otherwise=_next(form, "else") if "else" in form else Continue())


def _choose(place: Place, form: Form) -> Step:
    form.need("first")
    form.need("otherwise")
    branches = [
        Branch(each.matchers("when"), _way(each)) for each in form.forms("first", ("when", "go", "stop"), "a branch")
    ]
    return Choose(**vars(place), branches=tuple(branches), otherwise=_next(form, "otherwise"))


def _act(place: Place, form: Form) -> Step:
    form.need("do")
    return Act(
        **vars(place),
        do=form.text("do"),
        args=form.args("with"),
        lease_s=form.seconds("lease", 0),
        undo=form.flag("undo", default=False),
        when=form.matchers("when"),
        approve=form.flag("approve", default=False),
    )


def _verify(place: Place, form: Form) -> Step:
    form.need("all")
    return Verify(
        **vars(place),
        all=_looks(form, "all"),
        within_s=form.seconds("within", VERIFY_WITHIN_S),
        worse=_looks(form, "worse"),
        undo=form.flag("undo", default=True),
    )


def _human(place: Place, form: Form) -> Step:
    form.need("do")
    return Human(
        **vars(place), do=form.text("do"), answers=form.list_of_texts("answers", ()), when=form.matchers("when")
    )


def _notify(place: Place, form: Form) -> Step:
    form.need("to")
    form.need("template")
    to = form.text("to")
    if to and to not in AUDIENCES:
        form.fault(form.at("to"), f"{to} is nobody to tell", meant(to, AUDIENCES))
    return Notify(**vars(place), to=to, template=form.text("template"), args=form.args("with"))


def _note(place: Place, form: Form) -> Step:
    form.need("text")
    return Note(**vars(place), text=form.text("text"))


def _looks(form: Form, key: str) -> tuple[Look, ...]:
    return tuple(_look(each) for each in form.forms(key, _LOOK, f"a question in {key}"))


def _look(form: Form) -> Look:
    form.need("read", "query")
    form.need("expect")
    expect = form.matchers("expect")
    for name in expect:
        if "." in name:
            mend = f"name a fact of this answer: {name.partition('.')[2]}"
            form.fault(form.at("expect"), f"{name} is a fact of another step", mend)
    return Look(form.text("read"), form.text("query"), form.args("with"), expect)


def _next(form: Form, key: str) -> Next:
    return _way(form.form(key, ("go", "stop"), f"{key} of {form.what}"))


def _way(form: Form) -> Next:
    form.need("go", "stop")
    return Go(form.text("go")) if "go" in form else Stop(form.text("stop"))


KINDS: Mapping[str, Kind] = {
    "check": Kind(
        "asks, and goes on as said when the answer is another",
        (*_LOOK, "else"),
        ("Diagnosis", "Mitigation", _BACK),
        _check,
    ),
    "choose": Kind(
        "goes on at the first branch that fits", ("first", "otherwise"), ("Diagnosis", "Mitigation", _BACK), _choose
    ),
    "act": Kind(
        "changes something, by an action of the registry",
        ("do", "with", "lease", "undo", "when", "approve"),
        ("Mitigation", _BACK),
        _act,
    ),
    "verify": Kind(
        "recovered when all answers are as expected; `worse` is judged first",
        ("all", "within", "worse", "undo"),
        ("Verify", _BACK),
        _verify,
    ),
    "human": Kind("a person does it and says so; its fact is `answer`", ("do", "answers", "when"), _LATE, _human),
    "notify": Kind(
        "a draft for somebody, from a template; a person sends it",
        ("to", "template", "with"),
        ("Mitigation", "Customers"),
        _notify,
    ),
    "note": Kind("written into the journal as it stands", ("text",), _LATE, _note),
}

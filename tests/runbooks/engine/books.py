"""Playbooks built in a line or two, and a shelf that holds them."""

from dataclasses import replace

from runbooks.engine.facts import read_matcher
from runbooks.engine.playbook import (
    Act,
    Autonomy,
    Branch,
    Check,
    Choose,
    Continue,
    Domain,
    Evidence,
    Go,
    Human,
    Limits,
    Look,
    Note,
    Notify,
    Playbook,
    Stop,
    Verify,
)  # fmt: skip


class Shelf:
    faults = ()

    def __init__(self, *books: Playbook) -> None:
        self.books = {each.name: each for each in books}

    @property
    def all(self):
        return tuple(self.books.values())

    def get(self, name):
        return self.books.get(name)

    def for_alert(self, name):
        return next((each for each in self.books.values() if name in each.alerts), None)

    def edit(self, name: str) -> None:
        self.books[name] = replace(self.books[name], version="edited")


def expected(given: dict) -> dict:
    return {name.replace("__", "."): read_matcher(value) for name, value in given.items()}


def look(read="", query="", args=None, **expect) -> Look:
    return Look(read=read, query=query, args=args or {}, expect=expected(expect))


def check(name="dark", otherwise=None, heading="Diagnosis", args=None, read="lamp.state", query="", **expect) -> Check:
    args = {"name": "{lamp}"} if args is None and read == "lamp.state" else args or {}
    found = look("" if query else read, query, args, **(expect or {"state": "off"}))
    return Check(name, 1, heading, found, otherwise or Continue())


def act(name="light", do="lamp.put", to="on", lamp="{lamp}", lease_s=1800, when=None, **more) -> Act:
    leased = lease_s if do in {"lamp.put", "lamp.weld"} else 0
    return Act(name, 1, "Mitigation", do, {"name": lamp, "to": to}, leased, when=expected(when or {}), **more)


def burns(**more) -> Look:
    return look("lamp.state", args={"name": "{lamp}"}, state="on", **more)


def verify(name="bright", *looks, within_s=300, worse=(), undo=True) -> Verify:
    return Verify(name, 1, "Verify", looks or (burns(),), within_s, tuple(worse), undo)


def human(name="call", do="Call the electrician.", answers=(), when=None) -> Human:
    return Human(name, 1, "Escalate", do, tuple(answers), expected(when or {}))


def choose(name="which", *branches, otherwise=None) -> Choose:
    built = tuple(Branch(expected(when), then) for when, then in branches)
    return Choose(name, 1, "Diagnosis", built, otherwise or Stop("none of these"))


def note(name="hint", text="Lamps are warm.") -> Note:
    return Note(name, 1, "Meaning", text)


def notify(name="tell", template="dark", **args) -> Notify:
    return Notify(name, 1, "Customers", "customers", template, args)


def evidence(name="diagnosis-1", query="lamps_burning") -> Evidence:
    return Evidence(name, 1, "Diagnosis", query)


def book(*steps, name="LampOut", autonomy=Autonomy.SUGGEST, limits=None, **more) -> Playbook:
    steps = steps or (check(otherwise=Stop("It burns.")), act(), verify())
    plain = dict(  # noqa: C408 - as it is handed on
        name=name, version="v1", path=f"runbooks/playbooks/{name}.md", alerts=(name,), autonomy=autonomy, drill="lamp-out",
        subject="lamp:{lamp}", domain=Domain.GATEWAY, needs={"lamp": ""}, schedule="", sections={},
        limits=limits or Limits(cents=None),
    )  # fmt: skip
    return Playbook(steps=tuple(steps), **(plain | more))


__all__ = ["Go", "Stop"]

"""A small world to run playbooks in: lamps that can be put on, are slow, refuse, fall silent, or break what asks them.

Every switch that really happened is a line of `switched` (a file, when the world has to outlive a process): a lamp that was
switched twice shows. `trouble` says for an action or read how it fails: refused, silent (before anything happens), lost (it
happened, the answer did not come), crash, slow. A number of a query is set in `numbers`.
"""

import asyncio
import json
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from runbooks.engine.playbook import Domain
from runbooks.engine.registry import (
    Action,
    Effect,
    Read,
    RefusedError,
    Registry,
    Reversal,
    Risk,
    Taken,
    UnreachableError,
)


@dataclass
class House:
    file: Path | None = None
    lines: list[dict] = field(default_factory=list)
    trouble: dict[str, str] = field(default_factory=dict)
    watts: int = 0
    numbers: dict[str, float] = field(default_factory=dict)
    effects: dict[str, dict] = field(default_factory=dict)  # action -> more of its Effect
    asked: deque = field(default_factory=lambda: deque(maxlen=1000))
    when_applied: Callable[[str], None] = lambda _name: None
    gate: asyncio.Event | None = None  # an act waits for it in the middle
    entered: asyncio.Event | None = None  # an act is there

    @property
    def prometheus(self):
        return self

    async def query(self, text):
        self.asked.append(text)
        self._fail("query")
        if text not in self.numbers:
            return {"count": 0}
        return {"value": self.numbers[text], "sum": self.numbers[text], "count": 1}

    @property
    def switched(self) -> list[dict]:
        if self.file is None:
            return self.lines
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []

    def is_on(self, name: str) -> bool:
        of = [each for each in self.switched if each["lamp"] == name]
        return bool(of) and of[-1]["to"] == "on"

    def times(self, name: str, to: str) -> int:
        return sum(each["lamp"] == name and each["to"] == to for each in self.switched)

    def switch(self, action: str, name: str, to: str, key: str, lease_s: str = "") -> None:
        line = {"action": action, "lamp": name, "to": to, "key": key, "lease_s": lease_s}
        if self.file is None:
            self.lines.append(line)
        else:
            with self.file.open("a") as file:
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())
        self.when_applied(action)

    async def ask(self, entry: str) -> None:
        self.asked.append(entry)
        await asyncio.sleep(0)
        if self.trouble.get(entry) == "slow":
            await asyncio.sleep(60)
        self._fail(entry)

    def _fail(self, entry: str) -> None:
        kind = self.trouble.get(entry)
        if kind == "refused":
            raise RefusedError(f"{entry} says no")
        if kind == "silent":
            raise UnreachableError(f"{entry} does not answer")
        if kind == "crash":
            raise ZeroDivisionError(f"{entry} has a mistake")


async def lamp_state(house, args):
    await house.ask("lamp.state")
    return {"state": "on" if house.is_on(args["name"]) else "off", "age_s": 40}


async def house_watts(house, _args):
    await house.ask("house.watts")
    return {"watts": house.watts}


def action(name: str, risk: Risk, reversal: Reversal, *, undo: bool = True, timeout_s: float = 0.4) -> Action:
    async def plan(house, args):
        await house.ask(f"{name}.plan")
        now = "on" if house.is_on(args["name"]) else "off"
        facts = {"lamp.state.state": args["to"], "was": now}
        return Effect(
            f"{args['name']} goes {args['to']}",
            **{"changes": now != args["to"], "before": {"state": now}, "after": {"state": args["to"]}, "facts": facts}
            | house.effects.get(name, {}),
        )

    async def apply(house, args, key):
        await house.ask(name)
        if house.gate is not None:
            house.entered.set()
            await house.gate.wait()
        house.switch(name, args["name"], args["to"], key, args.get("lease_s", ""))
        if house.trouble.get(name) == "lost":
            raise UnreachableError("the line broke")
        if house.trouble.get(name) == "crash after":
            raise ZeroDivisionError("the answer has a mistake")
        return {"told": "yes"}

    async def observe(house, args):
        await house.ask(f"{name}.observe")
        if house.trouble.get(f"{name}.observe") == "unknown":
            return Taken.UNKNOWN
        return Taken.DONE if house.is_on(args["name"]) == (args["to"] == "on") else Taken.NOT_DONE

    async def put_back(house, args, key):
        await house.ask(f"{name}.undo")
        house.switch(f"{name}.undo", args["name"], "off" if args["to"] == "on" else "on", key)
        return {}

    return Action(
        name, f"{name} switches a lamp.", risk, Domain.GATEWAY, reversal, plan, apply, observe,
        put_back if undo else None, ("name", "to"), timeout_s,
    )  # fmt: skip


def create_registry() -> Registry:
    reads = [
        Read("lamp.state", "Whether it burns.", {"state": "on or off", "age_s": "since"}, lamp_state, ("name",), 0.4),
        Read("house.watts", "What it takes.", {"watts": "now"}, house_watts, (), 0.4),
    ]
    return Registry(
        reads,
        [
            action("lamp.put", Risk.LOW, Reversal.LEASE),
            action("lamp.fix", Risk.MEDIUM, Reversal.UNDO),
            action("lamp.break", Risk.HIGH, Reversal.UNDO),
            action("lamp.clean", Risk.LOW, Reversal.HARMLESS, undo=False),
            action("lamp.weld", Risk.LOW, Reversal.LEASE, undo=False),
        ],
    )

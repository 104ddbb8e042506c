"""Asks what a playbook asks: a read of the registry or a PromQL query, and whether the answer is as expected.

Nobody answering is an outcome of its own, `unknown`: it is neither met nor unmet. What goes into a query from a label or a
fact is escaped, so that it stays inside its string.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runbooks.engine.facts import Facts, NoFactError, Value, fill, names, unmet
from runbooks.engine.playbook import Args, Look
from runbooks.engine.registry import Read, RefusedError, Registry, UnreachableError

MET, UNMET, UNKNOWN = "met", "unmet", "unknown"
_QUERY_S = 10


@dataclass(frozen=True)
class Seen:
    """An answer. `assumed`: a fact in it is what an act is expected to bring."""

    outcome: str
    facts: Mapping[str, Value] = field(default_factory=dict)
    words: str = ""
    assumed: bool = False


@dataclass(frozen=True)
class Looker:
    """Asks by way of the registry and `world.prometheus`."""

    registry: Registry
    world: Any

    async def look(self, look: Look, facts: Facts, assumed: Facts | None = None) -> Seen:
        """`assumed` are facts by `read.fact` that an act of the plan is expected to bring; they stand above what is seen."""
        try:
            found = dict(await self._ask(look, facts))
        except (UnreachableError, RefusedError) as error:
            return Seen(UNKNOWN, words=f"not known: {error}")
        except NoFactError as error:
            return Seen(UNKNOWN, words=f"not known, because {error.args[0]} is not known")
        except TimeoutError:
            return Seen(UNKNOWN, words=f"not known: {look.read or 'Prometheus'} did not answer in time")
        coming = {name: value for name, value in _of(look.read, assumed or {}).items() if found.get(name) != value}
        found |= coming
        missed = unmet(look.expect, found)
        words = "; ".join(missed) or ("as expected" if look.expect else "")
        return Seen(UNMET if missed else MET, found, words, assumed=bool(coming))

    async def all(self, looks: Iterable[Look], facts: Facts) -> list[Seen]:
        """Several at once."""
        return list(await asyncio.gather(*(self.look(each, facts) for each in looks)))

    async def _ask(self, look: Look, facts: Facts) -> Facts:
        if look.query:
            async with asyncio.timeout(_QUERY_S):
                answer: Facts = await self.world.prometheus.query(fill(look.query, _escaped(facts)))
                return answer
        read = self._read(look.read)
        async with asyncio.timeout(read.timeout_s):
            return await read.look(self.world, filled(look.args, facts))

    def _read(self, name: str) -> Read:
        if name not in self.registry.reads:
            raise RefusedError(f"there is no read {name}")
        return self.registry.reads[name]


def filled(args: Args, facts: Facts) -> dict[str, str]:
    """The arguments with facts in them; `NoFactError` names the one that is not known."""
    return {name: fill(text, facts) for name, text in args.items()}


def told(text: str, facts: Facts) -> str:
    """A text for a person with facts in it; what is not known is said to be so."""
    silent = {name: "(not known)" for name in names(text) if facts.get(name) is None}
    return fill(text, {**facts, **silent})


def _escaped(facts: Facts) -> Facts:
    return {
        name: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") if isinstance(value, str) else value
        for name, value in facts.items()
    }


def _of(read: str, assumed: Facts) -> Facts:
    return {
        name.removeprefix(f"{read}."): value for name, value in assumed.items() if read and name.startswith(f"{read}.")
    }

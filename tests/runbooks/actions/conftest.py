"""A world over the stage of a test, and one over recorded answers; acts are always played as the engine plays them."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import pytest

from runbooks.actions.registry import create_registry
from runbooks.actions.world import Places, World, open_world
from runbooks.engine.registry import Effect, Registry, Taken
from service.access.rules import Role
from tests.access.giving import give

REASON = "runbook Test, run 1"


@dataclass
class Player:
    """Plays the registry's entries over one world; an act gets what was planned last, as the engine hands it on."""

    world: World
    registry: Registry
    planned: dict[str, str] = field(default_factory=dict)

    async def read(self, name: str, **args: str) -> Mapping[str, object]:
        """A read's facts; each of them is one that its row tells of."""
        read = self.registry.reads[name]
        facts = await read.look(self.world, args)
        assert not set(facts) - set(read.gives) or name == "switches.all", (
            f"{name} gives {sorted(set(facts) - set(read.gives))}"
        )
        return facts

    async def plan(self, name: str, **args: str) -> Effect:
        effect = await self.registry.actions[name].plan(self.world, {"reason": REASON, **args})
        self.planned[name] = json.dumps({"before": effect.before, "after": effect.after})
        return effect

    async def apply(self, name: str, key: str, **args: str) -> Mapping[str, object]:
        return await self.registry.actions[name].apply(self.world, self._said(name, args), key)

    async def observe(self, name: str, **args: str) -> Taken:
        return await self.registry.actions[name].observe(self.world, self._said(name, args))

    async def undo(self, name: str, key: str, **args: str) -> Mapping[str, object]:
        undo = self.registry.actions[name].undo
        assert undo is not None
        return await undo(self.world, self._said(name, args), key)

    def _said(self, name: str, args: Mapping[str, str]) -> dict[str, str]:
        return {"reason": REASON, "planned": self.planned.get(name, "{}"), **args}


@pytest.fixture(scope="session")
def registry() -> Registry:
    return create_registry()


@pytest.fixture
async def play(stage, registry, database_url, tmp_path) -> AsyncIterator[Player]:
    """Over the running stage, with the key of somebody on call; nobody plays Prometheus or Alertmanager."""
    made = await give(stage.db, "responder", Role.ON_CALL)
    places = Places(
        api_url=str(stage.client.base_url),
        api_key=made.text,
        database_url=database_url,
        state=tmp_path / "state",
    )
    async with open_world(places) as world:
        yield Player(world, registry)

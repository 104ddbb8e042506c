"""Somebody else at the address: whatever they answer, an entry tells facts, knows nothing, or was refused; it never breaks."""

from typing import Any

import pytest

from runbooks.actions.world import Places, open_world
from runbooks.engine.registry import RefusedError, UnreachableError
from tests.runbooks.actions.wires import peer

ARGS = {
    "provider": "stripe",
    "event": "evt_1",
    "alert": "DbDown",
    "order": "stripe",
    "level": "tight",
    "lease_s": "60",
    "reason": "a test",
}
EMPTY_LISTS: dict[str, Any] = {
    name: [] for name in ("switches", "providers", "orders", "invariants", "changes", "history", "result")
}
STRANGE: list[tuple[int, Any]] = [
    (200, None),
    (200, []),
    (200, "hello"),
    (200, {}),
    (200, {"status": "success"}),
    (200, {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": ["x", "y"]}]}}),
    (200, EMPTY_LISTS),
    (200, b"\xff\x00<html>"),
    (301, b""),
    (401, {"code": "unidentified"}),
    (404, b"not found"),
    (409, {"code": "key_in_flight"}),
    (409, b"[]"),
    (429, {"errors": [{"field": None}]}),
    (500, b"x" * 10_000),
    (503, {"code": "busy", "detail": ["odd"]}),
]


@pytest.mark.parametrize("answer", STRANGE, ids=lambda answer: f"{answer[0]} {str(answer[1])[:30]}")
async def test_whatever_a_stranger_answers_is_borne(registry, tmp_path, answer):
    """Every read and every act, at every address but the database's."""
    with peer(lambda *_: answer) as known:
        urls = {"api_url": known.url, "prometheus_url": known.url, "alertmanager_url": known.url}
        async with open_world(Places(**urls, api_key="k", state=tmp_path)) as world:
            for read in registry.reads.values():
                await _borne(read.look(world, ARGS))
            for action in registry.actions.values():
                await _borne(action.plan(world, ARGS))
                await _borne(action.apply(world, ARGS, "key"))
                await _borne(action.observe(world, ARGS))
                if action.undo is not None:
                    await _borne(action.undo(world, ARGS, "key"))
    assert known.asked


async def _borne(asked):
    try:
        await asked
    except (UnreachableError, RefusedError) as error:
        told = str(error)
    else:
        told = "facts"
    assert 0 < len(told) < 600
    assert "\n" not in told


@pytest.mark.parametrize(
    ("first", "times"),
    [((503, {"code": "overloaded"}), 2), ((503, {"code": "database_unavailable"}), 1), ((503, b"<html>"), 1)],
    ids=["full", "away", "a proxy"],
)
async def test_who_meets_a_full_house_asks_once_more(first, times):
    """What a playbook hangs on is asked for in the very moment in which everybody wants something; anything else is an answer."""
    answers = [first, (200, {"switches": []})]
    with peer(lambda *_: answers.pop(0)) as known:
        async with open_world(Places(api_url=known.url, api_key="k")) as world:
            if times == 1:
                with pytest.raises(UnreachableError):
                    await world.ops.get("/switches")
            else:
                assert {"switches": []} == await world.ops.get("/switches")

    assert times == len(known.asked)

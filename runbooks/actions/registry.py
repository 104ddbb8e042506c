"""Everything a playbook may read and do, in one list: a noun's module is entered here and nowhere else.

Who is asked is another program, perhaps not the one that was meant. An answer in a shape that nobody expected is no answer, and
never the end of the engine.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import ParamSpec, TypeVar

from runbooks.actions import (
    access,
    backups,
    books,
    checkout,
    database,
    gateway,
    inbox,
    monitoring,
    orders,
    outbox,
    sessions,
    switches,
    webhooks,
)
from runbooks.engine.registry import Action, Read, Registry, UnreachableError

_Asked = ParamSpec("_Asked")
_Told = TypeVar("_Told")

_READING = (gateway, switches, inbox, outbox, orders, checkout, webhooks, database, books, access, monitoring, backups)
_ACTING = (gateway, switches, inbox, outbox, orders, checkout, sessions, webhooks, books, monitoring, backups)


def create_registry() -> Registry:
    """The registry of this installation."""
    reads = (_reading(entry) for module in _READING for entry in module.READS)
    actions = (_acting(entry) for module in _ACTING for entry in module.ACTIONS)
    return Registry(reads, actions)


def _reading(read: Read) -> Read:
    return replace(read, look=_understood(read.name, read.look))


def _acting(action: Action) -> Action:
    return replace(
        action,
        plan=_understood(action.name, action.plan),
        apply=_understood(action.name, action.apply),
        observe=_understood(action.name, action.observe),
        undo=_understood(action.name, action.undo) if action.undo else None,
        ours=_understood(action.name, action.ours) if action.ours else None,
    )


def _understood(name: str, call: Callable[_Asked, Awaitable[_Told]]) -> Callable[_Asked, Awaitable[_Told]]:
    async def asked(*args: _Asked.args, **more: _Asked.kwargs) -> _Told:
        try:
            return await call(*args, **more)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            told = f"{name} was answered in a way that nobody understands: {type(error).__name__}"
            raise UnreachableError(told) from error

    return asked

"""Where orders go: to the responder's API when one runs, else to an engine of our own on the state directory.

Both answer the same plain data (`responder.views`). Alone, runs go on while the command waits, and what it leaves open goes on
with the next command or the responder. Who asks is known by CUBANO_RESPOND_OPERATOR_TOKEN; where nobody is listed yet, who can
write the state directory is on call, and approves nothing that can cost much.
"""

import asyncio
import os
import pwd
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import click
import httpx

from runbooks.engine.approvals import NotAllowedError, RefusalError
from runbooks.engine.engine import Engine
from runbooks.engine.journal import HeldError, Journal
from runbooks.engine.library import PLAYBOOKS, Library
from runbooks.engine.registry import Risk
from runbooks.engine.runs import Person
from runbooks.responder.operators import Operators, Role
from runbooks.responder.views import entry_view, line_view, newest, plan_view, run_view
from runbooks.settings import Settings, SettingsError, load

TOKEN = "CUBANO_RESPOND_OPERATOR_TOKEN"  # noqa: S105 - the name of a variable
_BAD = 400
_GONE_S = 3  # a responder that was killed is gone for the database, too
_TIMEOUT_S = 60  # putting back takes as long as its acts


class Office(Protocol):
    """Takes orders and tells what is so, as plain data. `RefusalError` says why something is not done."""

    where: str

    async def plan(self, name: str, labels: Mapping[str, str]) -> dict[str, Any]: ...

    async def start(self, name: str, labels: Mapping[str, str]) -> dict[str, Any]: ...

    async def run(self, run_id: str) -> dict[str, Any]: ...

    async def runs(self) -> list[dict[str, Any]]: ...

    async def decide(self, run_id: str, verb: str, **said: str) -> dict[str, Any]: ...

    async def entries(self, after: int, run: str) -> list[dict[str, Any]]: ...

    async def passive(self, *, on: bool, reason: str) -> str: ...

    async def break_glass(self) -> str: ...

    async def wait(self) -> None: ...


class Remote:
    """The responder."""

    def __init__(self, client: httpx.AsyncClient, where: str) -> None:
        self._client = client
        self.where = where

    async def plan(self, name: str, labels: Mapping[str, str]) -> dict[str, Any]:
        return await self._ask("POST", "/api/plans", {"playbook": name, "labels": dict(labels)})

    async def start(self, name: str, labels: Mapping[str, str]) -> dict[str, Any]:
        return await self._ask("POST", "/api/runs", {"playbook": name, "labels": dict(labels)})

    async def run(self, run_id: str) -> dict[str, Any]:
        return await self._ask("GET", f"/api/runs/{run_id}")

    async def runs(self) -> list[dict[str, Any]]:
        return list((await self._ask("GET", "/api/runs"))["runs"])

    async def decide(self, run_id: str, verb: str, **said: str) -> dict[str, Any]:
        return await self._ask(
            "POST", f"/api/runs/{run_id}/{verb}", {name: text for name, text in said.items() if text}
        )

    async def entries(self, after: int, run: str) -> list[dict[str, Any]]:
        return list((await self._ask("GET", f"/api/journal?after={after}&run={run}&limit=500"))["entries"])

    async def passive(self, *, on: bool, reason: str) -> str:
        return str((await self._ask("POST", "/api/passive", {"on": on, "reason": reason}))["passive"])

    async def break_glass(self) -> str:
        return str((await self._ask("POST", "/api/break-glass"))["token"])

    async def wait(self) -> None:
        await asyncio.sleep(0.3)

    async def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = await self._client.request(method, path, json=body)
        found = answer.json() if answer.content else {}
        if answer.status_code >= _BAD:
            raise RefusalError(
                str(found.get("detail") or found.get("title") or f"the responder answered {answer.status_code}")
            )
        return dict(found)


class Alone:
    """An engine of our own, for as long as a command takes."""

    def __init__(self, engine: Engine, library: Library, person: Person, *, listed: bool = True) -> None:
        self._engine = engine
        self._library = library
        self._person = person
        self._listed = listed  # whether people are told apart by tokens of their own
        self.where = str(engine.journal.folder)

    async def plan(self, name: str, labels: Mapping[str, str]) -> dict[str, Any]:
        return plan_view(await self._engine.plan(name, labels, self._person))

    async def start(self, name: str, labels: Mapping[str, str]) -> dict[str, Any]:
        return self._seen((await self._engine.start(name, labels, self._person)).id)

    async def run(self, run_id: str) -> dict[str, Any]:
        return self._seen(run_id)

    async def runs(self) -> list[dict[str, Any]]:
        return [line_view(each) for each in newest(self._engine.runs())]

    async def decide(self, run_id: str, verb: str, **said: str) -> dict[str, Any]:
        engine, person = self._engine, self._person
        match verb:
            case "approve":
                self._told_apart(run_id, said.get("token", ""))
                await engine.approve(run_id, said["hash"], person, token=said.get("token", ""))
            case "refuse":
                await engine.refuse(run_id, person, said["reason"])
            case "answer":
                await engine.answer(run_id, said["step"], said["text"], person)
            case "abort":
                await engine.abort(run_id, person, said.get("reason", ""))
            case _:
                await engine.undo(run_id, person)
        return self._seen(run_id)

    async def entries(self, after: int, run: str) -> list[dict[str, Any]]:
        return [entry_view(each) for each in self._engine.journal.entries(after=after, run=run)]

    async def passive(self, *, on: bool, reason: str) -> str:
        if on:
            self._engine.pause(self._person, reason)
        else:
            self._engine.resume(self._person, reason)
        return self._engine.passive()

    async def break_glass(self) -> str:
        if self._listed and str(Role.LEAD) not in self._person.roles:
            raise NotAllowedError("a token to break the glass is made by a lead")
        return self._engine.break_glass(self._person)

    async def wait(self) -> None:
        await self._engine.advance()
        await asyncio.sleep(0.1)

    def _told_apart(self, run_id: str, token: str) -> None:
        plan = self._engine.run(run_id).plan
        if plan is not None and plan.risk is Risk.HIGH and not self._listed and not token:
            why = "two people approve what can cost much, and nobody is listed: cubano respond operators add NAME"
            raise NotAllowedError(why)

    def _seen(self, run_id: str) -> dict[str, Any]:
        run = self._engine.run(run_id)
        return run_view(run, self._library.get(run.playbook))


def settings_of(environment: Mapping[str, str]) -> Settings:
    """The responder's settings; ends with exit code 2 and every problem."""
    try:
        return load({name: value for name, value in environment.items() if name != TOKEN})
    except SettingsError as error:
        raise click.UsageError("\n".join(error.problems)) from None


@asynccontextmanager
async def open_office(environment: Mapping[str, str], folder: Path = PLAYBOOKS) -> AsyncIterator[Office]:
    """The responder when it answers; alone when none has the state directory."""
    settings, token = settings_of(environment), environment.get(TOKEN, "")
    if settings.url and await _answers(settings.url):
        async with _client(settings.url, token) as client:
            yield Remote(client, settings.url)
        return
    try:
        journal = Journal.open(_existing(settings))
    except HeldError as error:
        url = str(error.holder.get("url") or "")
        if not url:
            raise click.ClickException(f"{error}, which says no address; wait for it") from None
        async with _client(url, token) as client:
            yield Remote(client, url)
        return
    try:
        async with _alone(settings, journal, token, folder) as office:
            yield office
    finally:
        journal.close()


def _existing(settings: Settings) -> Path:
    """The state directory. One that nobody named has to be there: in another folder it would be an engine without memory."""
    if "state" not in settings.model_fields_set and not settings.state.is_dir():
        told = f"There is no {settings.state} here, and without its journal nothing is known of limits or approvals"
        raise click.ClickException(f"{told}. Say where it is, or where a new one shall be: CUBANO_RESPOND_STATE")
    return settings.state


@asynccontextmanager
async def _alone(settings: Settings, journal: Journal, token: str, folder: Path) -> AsyncIterator[Alone]:
    from runbooks.actions.registry import create_registry  # noqa: PLC0415 - its clients take a moment to load
    from runbooks.actions.world import open_world  # noqa: PLC0415 - as above
    from runbooks.means import drafting, limits_of, mirror_of, places_of  # noqa: PLC0415 - as above

    library, operators = Library.load(folder), Operators(settings.state)
    async with _only(settings), open_world(places_of(settings)) as world:
        engine = Engine(
            library,
            create_registry(),
            world,
            journal,
            lambda: datetime.now(UTC),
            pace=settings.scale,
            settings=limits_of(settings),
            notices=drafting(),
        )
        if (mirror := mirror_of(settings, engine)) is not None:
            await mirror.catch_up()
        await engine.recover()
        yield Alone(engine, library, _person(operators, token), listed=bool(operators.all))


@asynccontextmanager
async def _only(settings: Settings) -> AsyncIterator[None]:
    """No other engine works on the database meanwhile; where it does not answer, the state directory has to do."""
    from runbooks.means import only_of  # noqa: PLC0415 - as above

    only = only_of(settings)
    try:
        if only is not None and not await only.take(_GONE_S):
            told = f"{only.elsewhere[:1].upper()}{only.elsewhere[1:]}, and {settings.state} is not where it keeps its journal"
            raise click.ClickException(f"{told}. CUBANO_RESPOND_URL says where it can be asked")
        yield
    finally:
        if only is not None:
            await only.leave()


def _person(operators: Operators, token: str) -> Person:
    found = operators.find(token) if token else None
    if found is not None:
        return Person(found.name, frozenset({str(found.role)}), "terminal")
    if operators.all:
        return Person(_account(), frozenset(), "terminal")  # looks; to order something takes a token
    return Person(_account(), frozenset({str(Role.ONCALL)}), "terminal")


def _account() -> str:
    """Whose process this is; not LOGNAME, which is whatever a shell says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"account {os.getuid()}"


def _client(url: str, token: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=_TIMEOUT_S, trust_env=False)


async def _answers(url: str) -> bool:
    async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
        try:
            return (await client.get(f"{url}/health/live")).is_success
        except httpx.HTTPError:
            click.echo(f"The responder at {url} does not answer: working alone.", err=True)
            return False

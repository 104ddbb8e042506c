"""The responder's API for programs: Alertmanager's call, runs and plans for `cubano runbook`, the journal.

Bodies are small and strict; what is wrong with one is said, journaled where it pretends to be Alertmanager's, and nothing is
done.
"""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.exceptions import ClientException, HTTPException, NotFoundException, PermissionDeniedException
from litestar.params import FromPath, FromQuery, JSONBody

from runbooks.engine.approvals import RefusalError
from runbooks.engine.people import UnknownRunError
from runbooks.engine.runs import Run
from runbooks.responder.board import Side
from runbooks.responder.guard import alertmanager_only, operator_of, person_of
from runbooks.responder.intake import MOST_BYTES, NoAlarmsError, read_group
from runbooks.responder.operators import Role
from runbooks.responder.station import Station
from runbooks.responder.views import entry_view, line_view, newest, plan_view, run_view

MOST_ENTRIES = 500
MOST_RUNS = 100
Asking = Request[Any, Any, Any]
_Text = Annotated[str, msgspec.Meta(max_length=2_000)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """A playbook by hand, with the labels an alert would have."""

    playbook: _Name
    labels: Annotated[dict[_Name, _Text], msgspec.Meta(max_length=64)] = {}


class Decision(msgspec.Struct, forbid_unknown_fields=True):
    """What a person says to a run; which of these is needed depends on what is said."""

    hash: _Name = ""
    reason: _Text = ""
    step: _Text = ""
    text: _Text = ""
    token: _Text = ""  # break-glass


class Passive(msgspec.Struct, forbid_unknown_fields=True):
    on: bool
    reason: _Text = ""


@post("/alertmanager", guards=[alertmanager_only], request_max_body_size=MOST_BYTES, status_code=200)
async def take_alerts(request: Asking) -> Response[dict[str, int]]:
    """What Alertmanager tells; 400 when it is none of its messages."""
    station: Station = request.app.state.station
    try:
        alarms = read_group(await request.body())
    except NoAlarmsError as error:
        station.note("alarm.refused", {"why": str(error)[:500]})
        raise ClientException(f"This is no message of Alertmanager: {error}") from None
    await station.hear(alarms, Side.ALERTMANAGER)
    return Response({"alerts": len(alarms)})


@get("/api/runs")
async def list_runs(request: Asking) -> Response[dict[str, Any]]:
    """The newest hundred runs."""
    operator_of(request)
    station: Station = request.app.state.station
    return Response({"runs": [line_view(each) for each in newest(station.engine.runs())[:MOST_RUNS]]})


@get("/api/runs/{run_id:str}")
async def get_run(request: Asking, run_id: FromPath[str]) -> Response[dict[str, Any]]:
    """One run with its plan and steps."""
    operator_of(request)
    station: Station = request.app.state.station
    return Response(seen(station, run_of(station, run_id)))


@post("/api/runs", status_code=201)
async def start_run(request: Asking, data: JSONBody[Wanted]) -> Response[dict[str, Any]]:
    """A run by hand: planned, and waiting for its approval where one is needed."""
    person = person_of(operator_of(request), "terminal")
    station: Station = request.app.state.station
    known(station, data.playbook)
    try:
        run = await station.engine.start(data.playbook, data.labels, person)
    except RefusalError as error:
        raise refused(error) from None
    return Response(seen(station, run))


@post("/api/plans", status_code=200)
async def make_plan(request: Asking, data: JSONBody[Wanted]) -> Response[dict[str, Any]]:
    """What a playbook would find and do now; nothing is changed, and no run begins."""
    operator_of(request)
    station: Station = request.app.state.station
    known(station, data.playbook)
    try:
        return Response(plan_view(await station.engine.plan(data.playbook, data.labels)))
    except RefusalError as error:
        raise refused(error) from None


@post("/api/runs/{run_id:str}/{verb:str}", status_code=200)
async def decide(
    request: Asking, run_id: FromPath[str], verb: FromPath[str], data: JSONBody[Decision]
) -> Response[dict[str, Any]]:
    """Approve, refuse, answer, abort or undo; 409 when it came too late or is not this person's to say."""
    person = person_of(operator_of(request), "terminal")
    station: Station = request.app.state.station
    run = run_of(station, run_id)
    try:
        await say(station, run, verb, data, person)
    except RefusalError as error:
        raise refused(error) from None
    return Response(seen(station, run_of(station, run_id)))


async def say(station: Station, run: Run, verb: FromPath[str], data: Decision, person: Any) -> None:
    """Pass it on to the engine; `RefusalError` when that says no, 404 for a verb that is none."""
    engine = station.engine
    match verb:
        case "approve":
            await engine.approve(run.id, data.hash, person, token=data.token)
        case "refuse":
            await engine.refuse(run.id, person, data.reason)
        case "answer":
            await engine.answer(run.id, data.step, data.text, person)
        case "abort":
            await engine.abort(run.id, person, data.reason)
        case "undo":
            await engine.undo(run.id, person)
        case _:
            raise NotFoundException(f"{verb} is nothing that can be said to a run")


@get("/api/journal")
async def read_journal(
    request: Asking, after: FromQuery[int] = 0, run: FromQuery[str] = "", limit: FromQuery[int] = 100
) -> Response[dict[str, Any]]:
    """Entries of the journal after a number, of one run or of all."""
    operator_of(request)
    station: Station = request.app.state.station
    found = []
    for entry in station.engine.journal.entries(after=after, run=run):
        found.append(entry_view(entry))
        if len(found) >= min(max(limit, 1), MOST_ENTRIES):
            break
    return Response({"entries": found})


@get("/api/journal/verify")
async def verify_journal(request: Asking) -> Response[dict[str, Any]]:
    """What is wrong with the journal's chain; nothing when it is whole."""
    operator_of(request)
    station: Station = request.app.state.station
    return Response({"faults": station.engine.journal.verify(), "last": station.engine.journal.seq})


@post("/api/passive", status_code=200)
async def set_passive(request: Asking, data: JSONBody[Passive]) -> Response[dict[str, str]]:
    """The kill switch: nothing is changed by any run while it is on."""
    person = person_of(operator_of(request), "terminal")
    station: Station = request.app.state.station
    turn(station, person, on=data.on, reason=data.reason)
    return Response({"passive": station.engine.desk.passive()})


@post("/api/break-glass", status_code=201)
async def break_glass(request: Asking) -> Response[dict[str, str]]:
    """A break-glass token, told this once; only who leads may have one made."""
    operator = operator_of(request)
    if operator.role is not Role.LEAD:
        raise PermissionDeniedException("A token to break the glass is made by a lead.")
    station: Station = request.app.state.station
    return Response({"token": station.engine.break_glass(person_of(operator, "terminal"))})


def turn(station: Station, person: Any, *, on: bool, reason: str) -> None:
    if on:
        station.engine.pause(person, reason)
    else:
        station.engine.resume(person, reason)


def run_of(station: Station, run_id: str) -> Run:
    """The run; 404 when there is none of this id."""
    try:
        return station.engine.run(run_id)
    except UnknownRunError as error:
        raise NotFoundException(str(error)) from None


def known(station: Station, playbook: str) -> None:
    if station.library.get(playbook) is None:
        raise NotFoundException(f"there is no playbook {playbook}")


def seen(station: Station, run: Run) -> dict[str, Any]:
    return run_view(run, station.library.get(run.playbook))


def refused(error: RefusalError) -> HTTPException:
    return HTTPException(str(error), status_code=409)


def create_api() -> Router:
    """All of it."""
    handlers = [
        *(take_alerts, list_runs, get_run, start_run, make_plan, decide, read_journal, verify_journal, set_passive),
        break_glass,
    ]
    return Router("/", route_handlers=handlers, request_max_body_size=64_000)

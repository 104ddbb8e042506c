"""The on-call pages: what needs you, one run, its incident, the playbooks. Server-rendered; a script only refreshes them.

A form leads back to its page with a sentence of what came of it, so that a reload does nothing twice.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import MediaType, Request, Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.exceptions import PermissionDeniedException
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect, ServerSentEvent, ServerSentEventMessage

from runbooks.engine.approvals import RefusalError
from runbooks.responder import incidents
from runbooks.responder.api import Decision, known, run_of, say, turn
from runbooks.responder.guard import COOKIE, Tries, is_from_here, operator_of, person_of
from runbooks.responder.operators import SESSION
from runbooks.responder.rendering import Renderer
from runbooks.responder.showing import board_view, playbooks_view, run_page
from runbooks.responder.station import Station
from runbooks.responder.views import line_view, newest

Asking = Request[Any, Any, Any]
Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
PAGE = {"cache-control": "no-store"}
MOST_INCIDENTS = 100
_LABEL = "label-"


def _shown(request: Asking, template: str, /, **context: Any) -> Response[str]:
    station: Station = request.app.state.station
    renderer: Renderer = request.app.state.renderer
    operator = operator_of(request)
    more = {
        "operator": operator,
        "may_act": operator.may_act,
        "passive": station.engine.desk.passive(),
        "live": "/events",
    }
    return Response(renderer.page(template, **more, **context), media_type=MediaType.HTML, headers=PAGE)


@get("/")
async def board(request: Asking) -> Response[str]:
    """What needs you first, then what is being mended, what fires, and what has ended."""
    return _shown(request, "board.html", **board_view(request.app.state.station))


@get("/runs/{run_id:str}")
async def one_run(
    request: Asking, run_id: FromPath[str], said: FromQuery[str] = "", wrong: FromQuery[str] = ""
) -> Response[str]:
    """The plan and its button, the steps, what customers feel, the timeline."""
    operator_of(request)
    station: Station = request.app.state.station
    found = await run_page(station, run_of(station, run_id))
    return _shown(request, "run.html", **found, said=said[:200], wrong=wrong[:400])


@post("/runs/{run_id:str}/{verb:str}")
async def decide(request: Asking, run_id: FromPath[str], verb: FromPath[str], data: Form) -> Redirect:
    """One button of a run's page."""
    person = person_of(operator_of(request), "page")
    station: Station = request.app.state.station
    decision = Decision(
        **{name: data[name][:2_000] for name in ("hash", "reason", "step", "text", "token") if name in data}
    )
    try:
        await say(station, run_of(station, run_id), verb, decision, person)
    except RefusalError as error:
        return _back(f"/runs/{run_id}", wrong=str(error))
    return _back(f"/runs/{run_id}", said=f"Written down: {verb}.")


@get("/incidents")
async def all_incidents(request: Asking) -> Response[str]:
    """Every run of which a page is left."""
    operator_of(request)
    station: Station = request.app.state.station
    runs = [line_view(each) for each in newest(station.engine.runs())[:MOST_INCIDENTS]]
    return _shown(request, "list.html", heading="Incidents", runs=runs, playbooks=[])


@get("/incidents/{run_id:str}")
async def incident(request: Asking, run_id: FromPath[str]) -> Response[str]:
    """What happened, whom it touched, and the draft of the post-mortem."""
    operator_of(request)
    station: Station = request.app.state.station
    return _shown(request, "incident.html", **await run_page(station, run_of(station, run_id)))


@get("/incidents/{run_id:str}/post-mortem.md")
async def post_mortem(request: Asking, run_id: FromPath[str]) -> Response[str]:
    """The draft as a file."""
    operator_of(request)
    station: Station = request.app.state.station
    found = await run_page(station, run_of(station, run_id))
    return Response(found["post_mortem"], media_type="text/markdown; charset=utf-8", headers=PAGE)


@get("/incidents/{run_id:str}/orders.csv")
async def orders(request: Asking, run_id: FromPath[str]) -> Response[str]:
    """Whom it touched, for support; 503 while the service does not answer."""
    operator_of(request)
    station: Station = request.app.state.station
    run = run_of(station, run_id)
    text = incidents.orders_csv(await incidents.orders_of(station.world, run))
    headers = PAGE | {"content-disposition": f'attachment; filename="orders-{run.id}.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@get("/playbooks")
async def playbooks(request: Asking) -> Response[str]:
    """All of them, to be found by a word."""
    operator_of(request)
    found = playbooks_view(request.app.state.station.library)
    return _shown(request, "list.html", heading="Playbooks", runs=[], playbooks=found)


@get("/playbooks/{name:str}")
async def one_playbook(request: Asking, name: FromPath[str]) -> Response[str]:
    """One in plain words, and a way to start it by hand."""
    operator_of(request)
    station: Station = request.app.state.station
    known(station, name)
    return _shown(request, "playbook.html", playbook=station.library.get(name), registry=station.engine.desk.registry)


@post("/playbooks/{name:str}/start")
async def start(request: Asking, name: FromPath[str], data: Form) -> Redirect:
    """A run by hand."""
    person = person_of(operator_of(request), "page")
    station: Station = request.app.state.station
    known(station, name)
    labels = {key.removeprefix(_LABEL): value[:200] for key, value in data.items() if key.startswith(_LABEL) and value}
    try:
        run = await station.engine.start(name, labels, person)
    except RefusalError as error:
        return _back("/", wrong=str(error))
    return _back(f"/runs/{run.id}")


@post("/passive")
async def passive(request: Asking, data: Form) -> Redirect:
    """The kill switch, from the page."""
    person = person_of(operator_of(request), "page")
    turn(request.app.state.station, person, on=data.get("on") == "true", reason=data.get("reason", "")[:500])
    return _back("/")


@get("/events")
async def events(request: Asking) -> ServerSentEvent:
    """A word whenever something moved."""
    operator_of(request)
    station: Station = request.app.state.station

    async def moved() -> AsyncIterator[ServerSentEventMessage]:
        async for entry in station.engine.changes():
            yield ServerSentEventMessage(event="changed", data=str(entry.seq))

    return ServerSentEvent(moved())


# ---- signing in ----------------------------------------------------------------------------------------------------


@get("/sign-in")
async def sign_in_page(request: Asking, to: FromQuery[str] = "/") -> Response[str]:
    return _form(request, to, "")


@post("/sign-in")
async def sign_in(request: Asking, data: Form) -> Response[str] | Redirect:
    """A token becomes a cookie for a shift."""
    station: Station = request.app.state.station
    tries: Tries = request.app.state.tries
    if not is_from_here(request):
        raise PermissionDeniedException("This form comes from another site.")
    to = _safe(data.get("to", "/"))
    operator = station.operators.find(data.get("token", "").strip()[:200])
    if operator is None:
        tries.wrong()
        return _form(request, to, "This token is nobody's. Look whether all of it was copied.")
    word = station.sessions.begin(operator, station.clock())
    cookie = Cookie(
        COOKIE,
        value=word,
        max_age=int(SESSION.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=station.settings.address.startswith("https://"),
    )
    return Redirect(to, status_code=303, cookies=[cookie])


@post("/sign-out")
async def sign_out(request: Asking) -> Redirect:
    """The cookie is worth nothing afterwards."""
    if is_from_here(request):
        request.app.state.station.sessions.end(request.cookies.get(COOKIE, ""))
    return Redirect("/sign-in", status_code=303, cookies=[Cookie(COOKIE, value="", max_age=0)])


def _form(request: Asking, to: str, wrong: str) -> Response[str]:
    renderer: Renderer = request.app.state.renderer
    text = renderer.page("sign_in.html", to=_safe(to), wrong=wrong)
    return Response(text, media_type=MediaType.HTML, headers=PAGE, status_code=401 if wrong else 200)


def _safe(to: str) -> str:
    """Only to a page of ours."""
    return to if to.startswith("/") and not to.startswith(("//", "/\\")) else "/"


def _back(to: str, **words: str) -> Redirect:
    return Redirect(f"{to}?{urlencode(words)}" if words else to, status_code=303)


def create_pages() -> Router:
    """All of them."""
    handlers = [
        *(board, one_run, decide, all_incidents, incident, post_mortem, orders, playbooks, one_playbook, start),
        *(passive, events, sign_in_page, sign_in, sign_out),
    ]
    return Router("/", route_handlers=handlers, request_max_body_size=64_000, include_in_schema=False)

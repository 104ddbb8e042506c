"""The pages of a sign-in under `/staff`: password or issuer, second factor, enrolment; and what all pages there share.

Each step is a form that is answered with a redirect to the next; what is wrong stands above the form it belongs to.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from litestar import HttpMethod, Request, Response, Router, post, route
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency, Provide
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from service.access.api import origin_of
from service.audit.rules import Origin
from service.kernel.errors import Invalid, Overloaded, Unidentified
from service.kernel.problems import kind_of
from service.oidc.rules import PENDING, Distrusted, Issuer, IssuerAway
from service.sessions.api import check_origin, check_source, cookie_of, no_cookie
from service.sessions.flow import Held, Opened, find
from service.sessions.rules import Awaits
from service.signin import flow
from service.signin.flow import Door
from service.signin.rules import IssuerRefused, StartAgain, WrongCode, WrongPassword
from service.signin.views import StaffPages, sorry_of
from service.staff.rules import enrolment_uri
from service.telemetry import catalogue
from service.telemetry.labels import AccessOutcome, LimitZone, SignInOutcome
from service.telemetry.logs import get_logger
from service.tries.rules import TooManyTries

MOST_BYTES = 16_384  # of a form
SIGNING_IN = {"public": "whoever signs in is nobody yet"}
HALF_WAY = {"public": "asks for the session of a sign-in that is half done"}
TRYING = {"zone": LimitZone.SIGN_IN}
_OIDC_COOKIE = "cubano_oidc"
NEXT = {
    Awaits.CODE: "/staff/code",
    Awaits.ENROLMENT: "/staff/enrol",
    Awaits.PASSWORD: "/staff/password",
    None: "/staff",
}

read = partial(route, http_method=[HttpMethod.GET, HttpMethod.HEAD], status_code=200)
log = get_logger("signin")

Asked = Request[Any, Any, State]


@dataclass(frozen=True)
class Desk:
    """What the pages need; built once, in the root. `has_passwords` is off where everybody comes from the issuer."""

    door: Door
    pages: StaffPages
    issuer: Issuer | None
    has_passwords: bool
    hops: int

    @asynccontextmanager
    async def living(self, _app: Any) -> AsyncGenerator[None, None]:
        """As long as the server takes requests."""
        try:
            yield
        finally:
            if self.issuer is not None:
                await self.issuer.close()


@dataclass(frozen=True)
class Visit:
    """One request to a page, and what answers it."""

    request: Asked
    desk: Desk

    @property
    def token(self) -> str:
        """Of the browser's session; `StartAgain` when it has none."""
        found = self.request.cookies.get(self.desk.door.rules.cookie)
        if not found:
            raise StartAgain
        return found

    @property
    def origin(self) -> Origin:
        return origin_of(self.request, self.desk.hops)

    async def form(self) -> dict[str, str]:
        return {name: value for name, value in (await self.request.form()).items() if isinstance(value, str)}

    async def half_way(self) -> Held:
        """The browser's session, signed in or not; and that its own page sent what changes something."""
        rules = self.desk.door.rules
        async with self.desk.door.db.transaction(durable=False) as session:
            held = await find(session, self.token, rules)
        await check_source(self.request, held, rules)
        return held

    def go_on(self, opened: Opened, *more: Cookie) -> Response[Any]:
        """To the next step, with the session's new cookie."""
        cookie = cookie_of(opened, self.desk.door.rules)
        return self.desk.pages.redirect(NEXT[opened.held.awaits], [cookie, *more])

    def page(self, template: str, **more: Any) -> Response[bytes]:
        return self.desk.pages.page(template, **more)

    def again(self, template: str, error: Exception, **more: Any) -> Response[bytes]:
        """The form once more, with what is wrong above it."""
        notice = error.fields[0].message if isinstance(error, Invalid) else str(error)
        retry_after_s = getattr(error, "retry_after_s", None)
        headers = {"Retry-After": str(retry_after_s)} if retry_after_s else {}
        status = getattr(error, "status", kind_of(error).status)
        return self.page(template, notice=notice, status=status, headers=headers, **more)

    def sign_in_page(self, error: Exception | None = None, *, email: str = "") -> Response[bytes]:
        issuer = self.desk.issuer
        known = {"email": email, "passwords": self.desk.has_passwords, "issuer": issuer.host if issuer else ""}
        return self.page("sign_in.html", **known) if error is None else self.again("sign_in.html", error, **known)

    def oidc_cookie(self, value: str, *, max_age: int) -> Cookie:
        """Lax: the issuer sends the browser back from its own site."""
        rules = self.desk.door.rules
        name = rules.cookie_named(_OIDC_COOKIE)
        return Cookie(name, value=value, path="/", max_age=max_age, secure=rules.secure, httponly=True, samesite="lax")


def create_signin(desk: Desk, more: Sequence[Any]) -> Router:
    """The router of these pages, and of more that stand under `/staff`; its errors are pages, too."""

    def visit(request: Asked) -> Visit:
        return Visit(request, desk)

    handlers: list[Any] = [show_sign_in, show_code, give_code, show_enrolment, enrol, send_file, lost, *more]
    handlers += [sign_in] if desk.has_passwords else []
    handlers += [to_issuer, from_issuer] if desk.issuer else []
    return Router(
        "/staff",
        route_handlers=handlers,
        dependencies={"visit": Provide(visit, sync_to_thread=False)},
        exception_handlers={Exception: _answer_error(desk)},
        signature_types=[Visit],
        include_in_schema=False,
        request_max_body_size=MOST_BYTES,
    )


# ---- in --------------------------------------------------------------------------------------------------------------


@read("/sign-in", opt=SIGNING_IN)
async def show_sign_in(visit: NamedDependency[Visit]) -> Response[Any]:
    """The form; home for whoever is in already."""
    try:
        held = await visit.half_way()
    except (StartAgain, Unidentified):
        return visit.sign_in_page()
    return visit.desk.pages.redirect("/staff") if held.awaits is None else visit.sign_in_page()


@post("/sign-in", opt=SIGNING_IN | TRYING, status_code=303)
async def sign_in(visit: NamedDependency[Visit]) -> Response[Any]:
    """With a password."""
    door = visit.desk.door
    check_origin(visit.request, door.rules)
    form = await visit.form()
    email = form.get("email", "").strip()
    try:
        opened = await flow.sign_in(door, email, form.get("password", ""), visit.origin)
    except (WrongPassword, TooManyTries, Overloaded) as error:
        return visit.sign_in_page(error, email=email)
    await flow.leave(door, visit.request.cookies.get(door.rules.cookie), visit.origin)
    return visit.go_on(opened)


@read("/oidc", opt=SIGNING_IN | TRYING)
async def to_issuer(visit: NamedDependency[Visit]) -> Response[Any]:
    """To the issuer's page."""
    issuer = visit.desk.issuer
    if issuer is None:
        raise NotFoundException
    asking = await issuer.begin()
    cookie = visit.oidc_cookie(asking.cookie, max_age=int(PENDING.total_seconds()))
    return visit.desk.pages.redirect(asking.url, [cookie])


@read("/oidc/back", opt={"public": "the issuer sends browsers here", **TRYING})
async def from_issuer(visit: NamedDependency[Visit]) -> Response[Any]:
    """Back from the issuer's page."""
    issuer, door = visit.desk.issuer, visit.desk.door
    if issuer is None:
        raise NotFoundException
    kept = visit.request.cookies.get(door.rules.cookie_named(_OIDC_COOKIE))
    identity = await issuer.finish(kept, dict(visit.request.query_params))
    opened = await flow.arrive(door, identity, visit.origin)
    await flow.leave(door, visit.request.cookies.get(door.rules.cookie), visit.origin)
    return visit.go_on(opened, visit.oidc_cookie("", max_age=0))


# ---- the steps between -----------------------------------------------------------------------------------------------


@read("/code", opt=HALF_WAY)
async def show_code(visit: NamedDependency[Visit]) -> Response[Any]:
    """Ask for the second factor."""
    held = await visit.half_way()
    if held.awaits is not Awaits.CODE:
        return visit.desk.pages.redirect(NEXT[held.awaits])
    recovery = "recovery" in visit.request.query_params
    return visit.page("code.html", csrf=held.session.csrf, recovery=recovery)


@post("/code", opt=HALF_WAY | TRYING, status_code=303)
async def give_code(visit: NamedDependency[Visit]) -> Response[Any]:
    """Take it."""
    held = await visit.half_way()
    form = await visit.form()
    try:
        return visit.go_on(await flow.give_code(visit.desk.door, visit.token, form.get("code", ""), visit.origin))
    except (WrongCode, TooManyTries) as error:
        return visit.again("code.html", error, csrf=held.session.csrf, recovery="recovery" in form)


@read("/enrol", opt=HALF_WAY)
async def show_enrolment(visit: NamedDependency[Visit]) -> Response[Any]:
    """The secret for an authenticator, as a picture and as text."""
    held = await visit.half_way()
    if held.awaits is not Awaits.ENROLMENT or held.member.totp_sealed is not None:
        return visit.desk.pages.redirect(NEXT[held.awaits])
    return visit.page("enrol.html", **await _offer(visit))


@post("/enrol", opt=HALF_WAY | TRYING, status_code=200)
async def enrol(visit: NamedDependency[Visit]) -> Response[Any]:
    """It shows the right code; the recovery codes are on the page that answers, and nowhere else."""
    await visit.half_way()
    code = (await visit.form()).get("code", "")
    try:
        opened, codes = await flow.confirm_secret(visit.desk.door, visit.token, code, visit.origin)
    except WrongCode as error:
        return visit.again("enrol.html", error, **await _offer(visit))
    cookie = cookie_of(opened, visit.desk.door.rules)
    return visit.page("codes.html", codes=codes, onward=NEXT[opened.held.awaits], cookies=[cookie])


async def _offer(visit: Visit) -> dict[str, Any]:
    held, secret = await flow.offer_secret(visit.desk.door, visit.token)
    return {"uri": enrolment_uri(secret, held.member.email), "secret": secret, "csrf": held.session.csrf}


@read("/static/{name:str}", opt={"public": "styles are no secret"})
async def send_file(visit: NamedDependency[Visit], name: FromPath[str]) -> Response[bytes]:
    """Styles."""
    found = visit.desk.pages.file(name)
    if found is None:
        raise NotFoundException
    return found


@read("/{path:path}", opt={"public": "says that there is nothing"})
async def lost(path: FromPath[str]) -> None:
    """Any other address under /staff: a page that says so."""
    raise NotFoundException(path)


def _answer_error(desk: Desk) -> Callable[[Asked, Exception], Response[Any]]:
    def answer(request: Asked, error: Exception) -> Response[Any]:
        """Nobody is sent to the sign-in, with a word when a session has ended; all else is a page that says what happened."""
        visit = Visit(request, desk)
        match error:
            case Unidentified():
                gone = [no_cookie(desk.door.rules)] if error.reason != AccessOutcome.UNFINISHED else []
                return desk.pages.redirect("/staff/sign-in", gone)
            case StartAgain() | IssuerAway() | Distrusted() | IssuerRefused():
                _note_issuer(desk, error)
                return visit.sign_in_page(error)
        title, told = sorry_of(error)
        return visit.page(
            "sorry.html", title=title, told=told, onward="/staff", onward_words="Go on", status=kind_of(error).status
        )

    return answer


def _note_issuer(desk: Desk, error: Exception) -> None:
    outcome = SignInOutcome.ISSUER_AWAY if isinstance(error, IssuerAway) else SignInOutcome.REFUSED
    if not isinstance(error, StartAgain):
        desk.door.db.telemetry.count(catalogue.SIGN_INS, outcome=outcome)
    if isinstance(error, Distrusted):
        log.warning("the answer of the issuer was refused", why=error.why)

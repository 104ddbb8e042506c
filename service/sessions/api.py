"""A session's cookie as a `Way` of the guard, and the cookie itself.

A request that changes something is refused (`CrossSite`) unless it comes from our own pages and names the session's token,
in `X-CSRF-Token` or as the field `csrf` of a form.
"""

from litestar.datastructures import Cookie

from service.access.api import Asked, Way, origin_of
from service.access.rules import Principal
from service.kernel.db import Database
from service.kernel.errors import CrossSite, Unidentified
from service.sessions.flow import Held, Opened, find
from service.sessions.rules import CSRF_FIELD, CSRF_HEADER, SAFE, SessionRules, is_same_origin, is_token
from service.staff.flow import principal_of
from service.telemetry.labels import AccessOutcome

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_HELD = "staff_session"


def by_session(db: Database, rules: SessionRules, *, hops: int) -> Way:
    """Whoever has signed in wholly; a sign-in that is half done is nobody."""

    async def identify(request: Asked) -> Principal | None:
        token = request.cookies.get(rules.cookie)
        if not token:
            return None
        async with db.transaction(durable=False) as session:
            held = await find(session, token, rules)
        if held.awaits is not None:
            raise Unidentified(AccessOutcome.UNFINISHED, "The sign-in is not finished.")
        await check_source(request, held, rules)
        request.scope["state"][_HELD] = held
        return principal_of(held.member, origin_of(request, hops))

    return identify


def held_of(request: Asked) -> Held:
    """The session the guard has found; only for routes that need one."""
    found: Held = request.scope["state"][_HELD]
    return found


async def check_source(request: Asked, held: Held, rules: SessionRules) -> None:
    """Raises `CrossSite` when a request that changes something may have been made by another site."""
    if request.method in SAFE:
        return
    check_origin(request, rules)
    if not is_token(await _token(request), held.session.csrf):
        raise CrossSite


def check_origin(request: Asked, rules: SessionRules) -> None:
    if request.method not in SAFE and not is_same_origin(request.headers, rules.own_origin):
        raise CrossSite


async def _token(request: Asked) -> str | None:
    if CSRF_HEADER in request.headers:
        return request.headers[CSRF_HEADER]
    if not request.headers.get("content-type", "").startswith(_FORMS):
        return None
    value = (await request.form()).get(CSRF_FIELD)
    return value if isinstance(value, str) else None


def cookie_of(opened: Opened, rules: SessionRules) -> Cookie:
    """The session's cookie: gone with the browser, unreadable for scripts, not sent with what other sites post."""
    return Cookie(rules.cookie, value=opened.token, path="/", secure=rules.secure, httponly=True, samesite="lax")


def no_cookie(rules: SessionRules) -> Cookie:
    return Cookie(rules.cookie, value="", path="/", max_age=0, secure=rules.secure, httponly=True, samesite="lax")

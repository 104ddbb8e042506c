"""The pages of whoever has signed in: home with role and sessions, another password, sign out.

They are mounted under `/staff` by `service/signin`, whose `Visit` answers them.
"""

from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency

from service.access.rules import REFUND_LIMITS, Role
from service.kernel.errors import FieldError, Invalid, Overloaded
from service.kernel.ids import is_id
from service.kernel.money import Money
from service.sessions.api import held_of, no_cookie
from service.sessions.flow import Held, end, of_member
from service.sessions.rules import Awaits
from service.signin import flow
from service.signin.api import HALF_WAY, NEXT, TRYING, Visit, read
from service.signin.rules import WrongPassword
from service.signin.views import ROLES, may, seen
from service.staff.flow import codes_left, principal_of
from service.staff.tables import StaffMember
from service.tries.rules import TooManyTries

SIGNED_IN = {"staff": "whoever has signed in, about that person only"}
DONE = {
    "sessions": "The other sessions have ended.",
    "session": "That session has ended.",
    "password": "Your password is changed, and all your other sessions have ended.",
}
OTHERS = "others"


def account_pages() -> list[Any]:
    return [home, end_sessions, sign_out, show_password, choose_password]


@read("/", opt=SIGNED_IN)
async def home(visit: NamedDependency[Visit]) -> Response[bytes]:
    """Who I am, what I may do, where I am signed in."""
    held, door = held_of(visit.request), visit.desk.door
    member, role = held.member, Role(held.member.role)
    async with door.db.transaction(durable=False) as session:
        sessions = await of_member(session, member, door.rules)
        left = await codes_left(session, member.id)
    issuer = visit.desk.issuer
    return visit.page(
        "home.html",
        csrf=held.session.csrf,
        done=DONE.get(visit.request.query_params.get("done", "")),
        member=member,
        role=ROLES[role],
        may=may(role),
        limit=Money(REFUND_LIMITS[role], "USD").format("en_US") if REFUND_LIMITS[role] else "",
        sessions=[seen(each, held.session) for each in sessions],
        by_issuer=(issuer.host if issuer else "the issuer") if member.oidc_subject else "",
        has_password=_has_password(member) and visit.desk.has_passwords,
        has_totp=member.totp_sealed is not None,
        codes_left=left,
    )


@post("/sessions/end", opt=SIGNED_IN, status_code=303)
async def end_sessions(visit: NamedDependency[Visit]) -> Response[Any]:
    """End one of my sessions, or all but this one."""
    held, which = held_of(visit.request), (await visit.form()).get("session", "")
    by = principal_of(held.member, visit.origin)
    async with visit.desk.door.db.transaction() as session:
        if which == OTHERS:
            await end(session, by, held.member, but=held.session.ref)
        elif is_id(which, "ses") and which != held.session.ref:
            await end(session, by, held.member, ref=which)
    return visit.desk.pages.redirect(f"/staff?done={'sessions' if which == OTHERS else 'session'}")


@post("/sign-out", opt=SIGNED_IN, status_code=303)
async def sign_out(visit: NamedDependency[Visit]) -> Response[Any]:
    """End this session, and tell the browser to forget it."""
    await flow.sign_out(visit.desk.door, held_of(visit.request), visit.origin)
    return visit.desk.pages.redirect("/staff/sign-in", [no_cookie(visit.desk.door.rules)])


@read("/password", opt=HALF_WAY)
async def show_password(visit: NamedDependency[Visit]) -> Response[Any]:
    """The form for another password."""
    held = await visit.half_way()
    if held.awaits not in {Awaits.PASSWORD, None} or not _has_password(held.member):
        return visit.desk.pages.redirect(NEXT[held.awaits])
    return visit.page("password.html", **_about_password(held))


@post("/password", opt=HALF_WAY | TRYING, status_code=303)
async def choose_password(visit: NamedDependency[Visit]) -> Response[Any]:
    """Take it."""
    held = await visit.half_way()
    form = await visit.form()
    old, new = form.get("old", ""), form.get("new", "")
    if new != form.get("again", ""):
        differs = Invalid([FieldError("again", "differs", "The two new ones are not the same. Type them once more.")])
        return visit.again("password.html", differs, **_about_password(held))
    try:
        opened = await flow.choose_password(visit.desk.door, visit.token, old, new, visit.origin)
    except (Invalid, WrongPassword, TooManyTries, Overloaded) as error:
        return visit.again("password.html", error, **_about_password(held))
    return visit.go_on(opened)


def _has_password(member: StaffMember) -> bool:
    """One that opens; the issuer's people have none."""
    return member.password_hash is not None and member.oidc_subject is None


def _about_password(held: Held) -> dict[str, Any]:
    forced = held.awaits is Awaits.PASSWORD
    return {"csrf": held.session.csrf, "forced": forced, "email": held.member.email}

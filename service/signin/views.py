"""How the pages of people who sign in look and travel: templates, plain words for what a role may do, headers.

No script runs on them and nothing is loaded from elsewhere; the policy says so. They use the store's look (`store.css`) and a
small sheet of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import segno
from babel.dates import format_datetime
from litestar import Response
from litestar.datastructures import Cookie
from litestar.enums import MediaType
from litestar.response import Redirect
from markupsafe import Markup

from service.access.rules import ROLE_PERMISSIONS, Permission, Role
from service.kernel.errors import CrossSite
from service.kernel.problems import SERVER_ERROR, kind_of
from service.mail.rules import festival_zone
from service.sessions.tables import StaffSession
from service.storefront.views import Asset, read_assets

_HERE = Path(__file__).parent
_STORE = _HERE.parent / "storefront" / "templates"  # the drawings
_HEADERS = {"Cache-Control": "no-store", "Vary": "Cookie"}  # those that bind the browser come with every answer

MAY: Mapping[Permission, str] = {
    Permission.CHECKOUT_WRITE: "sell tickets for others",
    Permission.ORDERS_READ: "look up orders",
    Permission.TRANSACTIONS_READ: "see payments and refunds",
    Permission.REFUNDS_WRITE: "refund customers",
    Permission.REFUNDS_APPROVE: "approve other people's refunds",
    Permission.BOOKS_READ: "read the books",
    Permission.BOOKS_WRITE: "close days and months",
    Permission.OPS_READ: "see how the system stands",
    Permission.OPS_WRITE: "throw switches and repair",
    Permission.CUSTOMERS_ERASE: "erase a customer's data",
    Permission.AUDIT_READ: "read who did what",
    Permission.ACCESS_READ: "see who has access",
    Permission.ACCESS_WRITE: "give and take access",
}
ROLES: Mapping[Role, str] = {
    Role.SUPPORT: "Support",
    Role.FINANCE: "Finance",
    Role.ON_CALL: "On call",
    Role.DEVELOPER: "Developer",
    Role.AUDITOR: "Auditor",
    Role.ADMIN: "Administrator",
}
# What a browser calls itself, the more special first; behind them what they all pretend to be.
_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    *(("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows")),
    *(("Mac OS", "a Mac"), ("Linux", "Linux")),
)


def may(role: Role) -> list[str]:
    """What the role may do, in the order of the permissions."""
    return [MAY[each] for each in Permission if each in ROLE_PERMISSIONS[role]]


@dataclass(frozen=True)
class SeenSession:
    """A session for its owner's eyes."""

    ref: str
    where: str
    ip: str
    since: str
    seen: str
    is_this: bool


def seen(row: StaffSession, this: StaffSession) -> SeenSession:
    where = _device(row.user_agent or "")
    return SeenSession(
        row.ref, where, row.ip or "an unknown address", moment(row.created_at), moment(row.seen_at), row.ref == this.ref
    )


def _device(user_agent: str) -> str:
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "A program")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return f"{browser} on {system}" if system else browser


def moment(at: datetime) -> str:
    """`March 6, 7:05 PM MST`: the festival's time, with its zone."""
    zone = festival_zone()
    return format_datetime(at.astimezone(zone), "MMMM d, h:mm a z", tzinfo=zone, locale="en_US")


def qr_code(text: str) -> Markup:
    """As inline SVG; never kept anywhere, because it is a secret."""
    drawn = segno.make(text, error="m", micro=False).svg_inline(
        scale=4, border=3, dark="#000000", light="#ffffff", omitsize=True, svgclass="qr", lineclass=None
    )
    return Markup(drawn)  # noqa: S704 - made of numbers by segno, not of text


_SORRY = {
    403: ("Not with your role", "You are signed in, but your role may not do this. Nothing was changed."),
    404: ("Nothing here", "There is no such page. The address may be mistyped, or from another time."),
    413: ("Too much", "That is more than a form of ours ever sends. Nothing was changed."),
    429: ("Too many at once", "Too much came from your network. Nothing was changed; please try again in a minute."),
    503: ("One moment", "Too much is going on right now. Nothing was changed; please try again in a few seconds."),
}


def sorry_of(error: Exception) -> tuple[str, str]:
    """Title and sentence for an error; what is inside is never shown."""
    if isinstance(error, CrossSite):
        return "Not from here", (
            "This was not shown to come from our own page, so nothing was changed. Open the page anew and try once more."
        )
    status = kind_of(error).status
    if status >= SERVER_ERROR and status not in _SORRY:
        return "That went wrong", "The error is ours and has been recorded. Please try again in a minute."
    return _SORRY.get(
        status, ("Not understood", "The browser sent something this page cannot read. Nothing was changed.")
    )


class StaffPages:
    """Renders the pages; reads everything once at start."""

    def __init__(self, *, help_email: str) -> None:
        self.assets = {**read_assets(_HERE / "static")}
        store = read_assets()
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader([_HERE / "templates", _STORE]),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        sheets = [store["store.css"].url, *(f"/staff{each.url}" for each in self.assets.values())]
        self._environment.globals |= {
            "sheets": sheets,
            "icon": store["icon.svg"].url,
            "help_email": help_email,
            "qr_code": qr_code,
        }

    def page(
        self,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        cookies: Sequence[Cookie] = (),
        **context: Any,
    ) -> Response[bytes]:
        html = self._environment.get_template(template).render(**{"csrf": None, "notice": None, **context}).encode()
        sent = {**_HEADERS, **(headers or {})}
        return Response(html, status_code=status, media_type=MediaType.HTML, headers=sent, cookies=list(cookies))

    def redirect(self, to: str, cookies: Sequence[Cookie] = ()) -> Response[Any]:
        return Redirect(to, status_code=303, headers=dict(_HEADERS), cookies=list(cookies))

    def file(self, name: str) -> Response[bytes] | None:
        """A sheet of ours by the name that carries its hash."""
        asset: Asset | None = next((each for each in self.assets.values() if each.url.endswith(f"/{name}")), None)
        if asset is None:
            return None
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(asset.body, headers=headers, media_type=asset.media_type)

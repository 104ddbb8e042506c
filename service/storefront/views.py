"""How the customer pages look and travel: templates, sentences in two languages, files with their hash in the name, cookies.

`Pages` reads everything once at start; a missing sentence or template variable raises, it never shows as a gap.
Sentences stand in `translations/<language>.toml`, one file a language, because they are few and are read beside each
other; plural forms are chosen by Babel. To add a sentence, add it to both files: a test compares them.
"""

import gzip
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import jinja2
import segno
from babel.core import Locale
from babel.dates import format_datetime, format_time
from litestar import Request, Response
from litestar.datastructures import Cookie, State
from litestar.enums import MediaType
from litestar.response import Redirect
from markupsafe import Markup

from service.kernel.clock import Clock
from service.kernel.money import Money
from service.kernel.problems import kind_of
from service.mail.rules import festival_zone
from service.storefront.rules import LANGUAGES, LOCALES, Cart, page_name, preferred_language, read_cart
from service.telemetry import catalogue
from service.telemetry.labels import ErrorShown
from service.telemetry.registry import Telemetry

_HERE = Path(__file__).parent
_WAYS = "pay"  # the family of sentences about providers
_MEDIA = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    """A file of ours as it is sent; its name changes with its content, so it may be kept for ever."""

    url: str
    media_type: str
    body: bytes
    packed: bytes
    etag: str


def read_assets(folder: Path = _HERE / "static") -> dict[str, Asset]:
    """Every file of the folder by its plain name."""
    return {path.name: _asset(path) for path in sorted(folder.iterdir()) if path.suffix in _MEDIA}


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    digest = sha256(body).hexdigest()[:16]
    return Asset(
        url=f"/static/{path.stem}.{digest}{path.suffix}",
        media_type=_MEDIA[path.suffix],
        body=body,
        packed=gzip.compress(body, 9, mtime=0),
        etag=f'"{digest}"',
    )


def read_sentences(language: str) -> dict[str, str]:
    """All sentences of one language under dotted names: `order.paid.title`."""
    return _flatten(tomllib.loads((_HERE / "translations" / f"{language}.toml").read_text(encoding="utf-8")))


def _flatten(table: Mapping[str, Any], above: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in table.items():
        if isinstance(value, str):
            flat[above + name] = value
        else:
            flat |= _flatten(value, f"{above}{name}.")
    return flat


@lru_cache(maxsize=1024)  # a store page writes two dozen amounts, nearly always the same
def _written(amount: Money, locale: str) -> str:
    return amount.format(locale)


class Voice:
    """One language: sentences, money, times."""

    def __init__(self, language: str, *, zone: tzinfo) -> None:
        self.language = language
        self.other = next(each for each in LANGUAGES if each != language)
        self._locale = Locale.parse(LOCALES[language])
        self._zone = zone
        self._sentences = read_sentences(language)

    def say(self, name: str, /, **values: object) -> str:
        """The sentence of that name; with a `count`, its plural form."""
        count = values.get("count")
        if isinstance(count, int) and f"{name}.other" in self._sentences:
            form = self._locale.plural_form(count)
            name = f"{name}.{form}" if f"{name}.{form}" in self._sentences else f"{name}.other"
        return self._sentences[name].format_map(values)

    def way(self, provider: str, form: str = "name") -> str:
        """A provider in the customer's words; somebody else's provider by its own name."""
        return self._sentences.get(f"{_WAYS}.{provider}_{form}", "" if form == "hint" else provider.capitalize())

    def ways(self, providers: Sequence[str], form: str) -> str:
        """Several of them in one sentence."""
        return self.say(f"{_WAYS}.or").join(self.way(each, form) for each in providers)

    def money(self, amount: Money) -> str:
        return _written(amount, LOCALES[self.language])

    def short_money(self, amount: Money) -> str:
        """The amount without a zero fraction, for the price of a poster: `$280`."""
        text = self.money(amount)
        return text.removesuffix(".00")

    def clock_time(self, moment: datetime) -> str:
        """`7:05 PM MDT`."""
        return format_time(moment.astimezone(self._zone), "h:mm a z", tzinfo=self._zone, locale=self._locale)

    def day_and_time(self, moment: datetime) -> str:
        local = moment.astimezone(self._zone)
        pattern = "d 'de' MMMM 'de' y, h:mm a z" if self.language == "es" else "MMMM d, y, h:mm a z"
        return format_datetime(local, pattern, tzinfo=self._zone, locale=self._locale)

    def zone(self, moment: datetime) -> str:
        return format_time(moment.astimezone(self._zone), "z", tzinfo=self._zone, locale=self._locale)


@lru_cache(maxsize=4096)  # four milliseconds of everybody's event loop, and a page is looked at again
def qr_code(text: str) -> Markup:
    """The QR code of a ticket as inline SVG: dark on light in any colour scheme, so that a scanner reads it."""
    drawn = segno.make(text, error="m", micro=False).svg_inline(
        scale=4, border=3, dark="#000000", light="#ffffff", omitsize=True, svgclass="qr", lineclass=None
    )
    return Markup(drawn)  # noqa: S704 - made of numbers by segno, not of text


class Pages:
    """Renders a template in a language; what every page needs is added here."""

    def __init__(self, *, clock: Clock, help_email: str, beacon_sample: Decimal = Decimal(0)) -> None:
        zone = festival_zone()
        self.assets = read_assets()
        self.voices = {language: Voice(language, zone=zone) for language in LANGUAGES}
        self._clock = clock
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals |= {
            "asset": {name: asset.url for name, asset in self.assets.items()},
            "help_email": help_email,
            "beacon_sample": beacon_sample,
            "qr_code": qr_code,
        }

    def render(self, template: str, language: str, *, path: str, **context: object) -> str:
        """The page; `path` is its address without the language, for the link to the other language."""
        voice = self.voices[language]
        return self._environment.get_template(template).render(
            v=voice, t=voice.say, path=path, now=self._clock(), page_name=page_name(template), **context
        )


LANGUAGE, CART, TOKEN, RETURNED, BUYING = (
    "cubano_lang",
    "cubano_cart",
    "cubano_order",
    "cubano_returned",
    "cubano_buying",
)
WEEK_S, HALF_YEAR_S = 7 * 86_400, 182 * 86_400
RETURN_S = 900  # so long the order page says "confirming" to who has just paid
SERVER_ERROR = 500
PAGE_HEADERS = {"Cache-Control": "no-store", "Vary": "Accept-Language, Accept-Encoding, Cookie"}
ERROR_PAGES = {403: "forbidden", 404: "not_found", 429: "too_many", 503: "busy"}
PAGES_OF_CODES = {"maintenance": "maintenance", "card_number_refused": "card"}
RETRY_S = 3


def cart_of(request: Request[Any, Any, State]) -> Cart | None:
    return read_cart(request.cookies.get(CART))


def returned_at(cookie: str | None, now: datetime) -> datetime | None:
    """When the buyer came back from paying; None when that is long ago, or was never written by us."""
    if not re.fullmatch(r"\d{1,11}", cookie or "", re.ASCII):
        return None
    moment = datetime.fromtimestamp(int(cookie or ""), UTC)
    return moment if timedelta() <= now - moment <= timedelta(seconds=RETURN_S) else None


class Front:
    """Answers of the customer pages: kept by nobody on the way, and the few cookies."""

    def __init__(self, pages: Pages, *, secure: bool, telemetry: Telemetry) -> None:
        self.pages = pages
        self._secure = secure
        self._telemetry = telemetry

    def count_error(self, kind: str | None) -> None:
        """A customer reads an error of this kind; None is none."""
        if kind is not None:
            self._telemetry.count(catalogue.ERRORS_SHOWN, kind=ErrorShown(kind))

    def page(
        self, request: Request[Any, Any, State], template: str, language: str, *, path: str, **more: Any
    ) -> Response[bytes]:
        """A page. `status`, `headers` and `cookies` are of the answer, everything else is the template's."""
        status, headers = more.pop("status", 200), more.pop("headers", {})
        cookies: Sequence[Cookie] = more.pop("cookies", ())
        if request.cookies.get(LANGUAGE) != language:
            cookies = [*cookies, self.cookie(LANGUAGE, language, max_age=HALF_YEAR_S)]
        cart = None if any(each.key == CART for each in cookies) else cart_of(request)
        html = self.pages.render(template, language, path=path, cart_count=cart.count if cart else 0, **more).encode()
        headers = {**PAGE_HEADERS, "Content-Language": language, **headers}
        if "gzip" in request.headers.get("accept-encoding", ""):  # a poster is mostly numbers: a quarter remains
            html, headers["Content-Encoding"] = gzip.compress(html, 4, mtime=0), "gzip"
        return Response(html, status_code=status, media_type=MediaType.HTML, headers=headers, cookies=cookies)

    def redirect(self, to: str, cookies: Sequence[Cookie] = ()) -> Response[Any]:
        """See other."""
        return Redirect(to, status_code=303, headers=PAGE_HEADERS, cookies=list(cookies))

    def cookie(self, name: str, value: str, *, max_age: int, path: str = "/") -> Cookie:
        return Cookie(name, value=value, path=path, max_age=max_age, secure=self._secure, httponly=True, samesite="lax")

    def keep_cart(self, cart: Cart) -> Cookie:
        return self.cookie(CART, cart.to_cookie(), max_age=WEEK_S)

    def forget_cart(self) -> list[Cookie]:
        return [self.cookie(CART, "", max_age=0), self.cookie(BUYING, "", max_age=0)]

    def for_order(self, name: str, value: str, order_id: str, *, max_age: int) -> list[Cookie]:
        """A cookie that is sent to the pages of this order only, in both languages."""
        paths = [f"/{language}/order/{order_id}" for language in LANGUAGES]
        return [self.cookie(name, value, max_age=max_age, path=path) for path in paths]

    def buying(self, cart: Cart, order_id: str, token: str) -> list[Cookie]:
        """The cart has become an order, whose page its buyer may see."""
        seen = self.for_order(TOKEN, token, order_id, max_age=HALF_YEAR_S)
        return [*seen, self.keep_cart(cart), self.cookie(BUYING, order_id, max_age=WEEK_S)]

    def returned(self, order_id: str, token: str, moment: datetime | None) -> list[Cookie]:
        """The buyer came back from the gateway: paid at this moment, or (None) without paying."""
        text, max_age = (str(int(moment.timestamp())), RETURN_S) if moment else ("", 0)
        return [
            *self.for_order(TOKEN, token, order_id, max_age=HALF_YEAR_S),
            *self.for_order(RETURNED, text, order_id, max_age=max_age),
        ]

    def error_page(self, request: Request[Any, Any, State], error: Exception) -> Response[bytes]:
        """Any error as a page in the language of its address; what is inside is never shown."""
        kind = kind_of(error)
        first = request.url.path.strip("/").partition("/")[0]  # `OPTIONS *` has no slash
        wished = request.headers.get("accept-language", "")
        language = first if first in LANGUAGES else preferred_language(wished, request.cookies.get(LANGUAGE))
        page = ERROR_PAGES.get(kind.status, "broken" if kind.status >= SERVER_ERROR else "bad_request")
        page = PAGES_OF_CODES.get(kind.code, page)
        retry_after_s = getattr(error, "retry_after_s", RETRY_S)
        headers = {"Retry-After": str(retry_after_s)} if kind.status in {429, 503} else {}
        self.count_error(page)
        return self.page(request, "error.html", language, path="", kind=page, status=kind.status, headers=headers)

    def file(self, request: Request[Any, Any, State], name: str) -> Response[bytes] | None:
        """A file of ours. Asked for by the name of an older release it is the present one, not to be kept."""
        stem, _, suffix = name.partition(".")
        asset = self.pages.assets.get(f"{stem}.{suffix.rpartition('.')[2]}")
        if asset is None:
            return None
        current = asset.url.endswith(f"/{name}")
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable" if current else "no-cache",
            "ETag": asset.etag,
            "Vary": "Accept-Encoding",
        }
        if request.headers.get("if-none-match") == asset.etag:
            return Response(b"", status_code=304, headers=headers, media_type=asset.media_type)
        packed = "gzip" in request.headers.get("accept-encoding", "")
        headers |= {"Content-Encoding": "gzip"} if packed else {}
        return Response(asset.packed if packed else asset.body, headers=headers, media_type=asset.media_type)

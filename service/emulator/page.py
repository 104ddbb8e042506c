"""The hosted pay page: server-rendered, without scripts, usable by keyboard and screen reader.

A decline stays on the page so that another card can be tried. Every form carries the number of the attempt it is; one
that was sent twice finds its attempt taken and shows how the payment stands instead of charging again.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from babel.numbers import format_currency, get_currency_precision
from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Request, Response, get, post
from litestar.response import Redirect

from service.emulator import payments
from service.emulator.cards import ACCOUNTS, CARDS, ROUTING_NUMBER, Account, Card, CardRefused, find_account, find_card
from service.emulator.params import EMAIL
from service.emulator.payments import Buyer, Outcome
from service.emulator.standin import StandIn
from service.emulator.wire import Obj
from service.emulator.words import WORDS, language, reason

EXPIRY = re.compile(r"(\d{1,2})\s*[/-]?\s*(\d{4}|\d{2})")
CVC = re.compile(r"\d{3,4}")
TEMPLATES = Environment(
    loader=PackageLoader("service.emulator"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
HEADERS = {
    # no form-action: the buyer's browser follows the redirect of the form to the shop
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


@dataclass
class Trouble:
    """What to tell the buyer: one message on top, and words beside fields."""

    message: str = ""
    fields: dict[str, str] = field(default_factory=dict)


def money(minor: int, currency: str, lang: str) -> str:
    code = currency.upper()
    region = {"en": "en_US", "es": "es_US"}.get(lang, lang)  # as a shop in the States writes it
    return format_currency(Decimal(minor).scaleb(-get_currency_precision(code)), code, locale=region)


@get("/pay/{session:str}")
async def show(request: Request[Any, Any, Any], standin: StandIn, session: str) -> Response[str] | Redirect:
    standin.world.timers.run(standin.world)
    found = standin.world.store.get("checkout.session", session)
    return _shown(request, standin, found, Trouble(), typed={})


@post("/pay/{session:str}", status_code=200)
async def submit(request: Request[Any, Any, Any], standin: StandIn, session: str) -> Response[str] | Redirect:
    typed = {name: str(value).strip() for name, value in (await request.form()).items()}
    world = standin.world
    world.timers.run(world)
    found = world.store.get("checkout.session", session)
    if found is None or found["status"] != "open":
        return _shown(request, standin, found, Trouble(), typed={})
    lang = _lang(request, found)
    if typed.get("attempt") != str(world.store.must("cart", session)["attempts"]):
        return _stale(request, standin, found, lang)
    trouble = Trouble()
    means, buyer = _read(found, typed, trouble, lang, now=world.now())
    if means is None or trouble.fields:
        return _shown(request, standin, found, trouble, typed=typed)
    try:
        outcome = payments.pay(world, session, means, buyer)
    except payments.NotOffered:
        return _shown(request, standin, found, Trouble(reason(lang)), typed=typed)
    return _next(request, standin, outcome, typed=typed)


@get("/pay/{session:str}/challenge")
async def show_challenge(request: Request[Any, Any, Any], standin: StandIn, session: str) -> Response[str] | Redirect:
    standin.world.timers.run(standin.world)
    found = standin.world.store.get("checkout.session", session)
    intent = _intent(standin, found)
    if found is None or intent is None or intent["status"] != "requires_action":
        return _shown(request, standin, found, Trouble(), typed={})
    method = standin.world.store.must("payment_method", intent["payment_method"])
    return _render(request, standin, "challenge.html", found, last4=method["card"]["last4"])


@post("/pay/{session:str}/challenge", status_code=200)
async def submit_challenge(request: Request[Any, Any, Any], standin: StandIn, session: str) -> Response[str] | Redirect:
    typed = {name: str(value) for name, value in (await request.form()).items()}
    standin.world.timers.run(standin.world)
    if standin.world.store.raw("checkout.session", session) is None:
        return _shown(request, standin, None, Trouble(), typed={})
    outcome = payments.answer_challenge(standin.world, session, passed=typed.get("answer") == "complete")
    return _next(request, standin, outcome, typed={})


@get("/receipts/{charge:str}")
async def receipt(request: Request[Any, Any, Any], standin: StandIn, charge: str) -> Response[str]:
    found = standin.world.store.get("charge", charge)
    if found is None or found["status"] != "succeeded":
        return _render(request, standin, "notice.html", None, status=404, notice="missing", back=None)
    details = found["payment_method_details"]
    return _render(request, standin, "receipt.html", found, last4=details[details["type"]]["last4"])


def _next(
    request: Request[Any, Any, Any], standin: StandIn, outcome: Outcome, *, typed: dict[str, str]
) -> Response[str] | Redirect:
    if outcome.kind == "requires_action" and outcome.challenge_url is not None:
        return Redirect(outcome.challenge_url, status_code=303, headers=HEADERS)
    trouble = Trouble()
    if outcome.decline is not None:
        trouble.message = reason(_lang(request, outcome.session), outcome.decline.decline_code, outcome.decline.code)
    fresh = standin.world.store.get("checkout.session", outcome.session["id"])
    return _shown(request, standin, fresh, trouble, typed=typed)


def _stale(request: Request[Any, Any, Any], standin: StandIn, found: Obj, lang: str) -> Response[str] | Redirect:
    intent = _intent(standin, found)
    if intent is not None and intent["status"] == "requires_action":
        return Redirect(f"/pay/{found['id']}/challenge", status_code=303, headers=HEADERS)
    error = None if intent is None else intent["last_payment_error"]
    message = WORDS[lang]["stale"] if error is None else reason(lang, error.get("decline_code"), error["code"])
    return _shown(request, standin, found, Trouble(message), typed={})


def _intent(standin: StandIn, found: Obj | None) -> Obj | None:
    if found is None or found["payment_intent"] is None:
        return None
    return standin.world.store.must("payment_intent", found["payment_intent"])


def _read(
    found: Obj, typed: dict[str, str], trouble: Trouble, lang: str, *, now: int
) -> tuple[Card | Account | None, Buyer]:
    """What the form holds; words go beside each field that is wrong."""
    means: Card | Account | None = None
    expiry = (12, 2034)
    try:
        if typed.get("method") == "bank":
            means = find_account(typed.get("account", ""))
        else:
            means = find_card(typed.get("number", ""))
    except CardRefused as refused:
        trouble.fields[refused.field] = reason(lang, refused.decline_code, refused.code)
    if typed.get("method") != "bank" and found["amount_total"] > 0:
        expiry = _read_card(typed, trouble, lang, now=now, means=means)
    if not typed.get("name"):
        trouble.fields["name"] = reason(lang, "missing_name")
    email = found["customer_email"] or typed.get("email", "")
    if not EMAIL.fullmatch(email):
        trouble.fields["email"] = reason(lang, "invalid_email")
    return means, Buyer(name=typed.get("name"), email=email, exp_month=expiry[0], exp_year=expiry[1])


def _read_card(
    typed: dict[str, str], trouble: Trouble, lang: str, *, now: int, means: Card | Account | None
) -> tuple[int, int]:
    matched = EXPIRY.fullmatch(typed.get("expiry", ""))
    month, year = (0, 0) if matched is None else (int(matched[1]), int(matched[2]) % 100 + 2000)
    today = datetime.fromtimestamp(now, UTC)
    if not 1 <= month <= 12:  # noqa: PLR2004 - months of a year
        trouble.fields["expiry"] = reason(lang, "invalid_expiry")
    elif (year, month) < (today.year, today.month):
        trouble.fields["expiry"] = reason(lang, "past_expiry")
    digits = 4 if isinstance(means, Card) and means.brand == "amex" else 3
    cvc = typed.get("cvc", "")
    if not CVC.fullmatch(cvc) or len(cvc) < digits:
        trouble.fields["cvc"] = reason(lang, "invalid_cvc")
    return month, year


def _shown(
    request: Request[Any, Any, Any], standin: StandIn, found: Obj | None, trouble: Trouble, *, typed: dict[str, str]
) -> Response[str] | Redirect:
    """Wherever the session stands: the form, the way back to the shop, or what became of it."""
    if found is None:
        return _render(request, standin, "notice.html", None, status=404, notice="missing", back=None)
    if found["status"] == "complete" and found["success_url"]:
        return Redirect(_filled(found["success_url"], found), status_code=303, headers=HEADERS)
    if found["status"] != "open":
        notice = "expired" if found["status"] == "expired" else "done"
        return _render(request, standin, "notice.html", found, notice=notice, back=_filled(found["cancel_url"], found))
    cart = standin.world.store.must("cart", found["id"])
    chosen = request.query_params.get("card", "") if not typed else ""
    filled = {"number": chosen, "expiry": "12 / 34", "cvc": "1234" if _is_amex(chosen) else "123", "name": "Celia Cruz"}
    values = filled if chosen in CARDS else {name: typed.get(name, "") for name in ("expiry", "cvc", "name", "email")}
    return _render(
        request,
        standin,
        "pay.html",
        found,
        lines=cart["lines"],
        attempt=cart["attempts"],
        trouble=trouble,
        values={"number": "", "email": "buyer@example.com" if chosen in CARDS else "", **values},
        by_bank=typed.get("method") == "bank",
        back=_filled(found["cancel_url"], found),
    )


def _is_amex(number: str) -> bool:
    return number in CARDS and CARDS[number].brand == "amex"


def _filled(url: str | None, found: Obj) -> str:
    return "" if url is None else url.replace("{CHECKOUT_SESSION_ID}", found["id"])


def _lang(request: Request[Any, Any, Any], found: Obj | None) -> str:
    return language((found or {}).get("locale"), request.headers.get("accept-language", ""))


def _render(
    request: Request[Any, Any, Any], standin: StandIn, name: str, found: Obj | None, *, status: int = 200, **values: Any
) -> Response[str]:
    lang = _lang(request, found)
    html = TEMPLATES.get_template(name).render(
        t=WORDS[lang],
        lang=lang,
        merchant=standin.world.options.merchant,
        session=found,
        money=lambda minor: money(minor, found["currency"], lang) if found else "",
        cards=[card for card in CARDS.values() if card.about],
        accounts=[account for account in ACCOUNTS.values() if account.about],
        routing=ROUTING_NUMBER,
        grouped=lambda number: re.sub(r"(\d{4})(?=\d)", r"\1 ", number),
        clock=lambda moment: datetime.fromtimestamp(moment, UTC).strftime("%H:%M"),
        **values,
    )
    return Response(html, media_type="text/html", status_code=status, headers=HEADERS)


PAGES = [show, submit, show_challenge, submit_challenge, receipt]

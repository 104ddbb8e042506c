"""What goes wrong with cards, letters, tickets, seats and secrets: more faults, in the form of those in `faults`.

Where a fault needs an order it buys one itself, so that nothing depends on who happens to be buying. To add one: a function
here and its row in `MISHAPS`.
"""

import secrets
import sqlite3
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg

from runbooks.drills.load import CARD, DECLINED, PRICE
from runbooks.drills.stack import FaultError, Stack

Heal = Callable[[], None]
Args = Mapping[str, Any]

_TIMEOUT_S = 10
_LAST_TRY = 99  # of the hundred a message has
_CREATED = 201
_MOST_AT_ONCE = 100  # checkouts that one address gets before a limit meets it; more than the drill's limit lets through


def _run(stack: Stack, statement: str, args: Mapping[str, Any] | None = None) -> int:
    """One statement of a superuser; how many rows it met."""
    with psycopg.connect(stack.found["database_url"], autocommit=True, connect_timeout=_TIMEOUT_S) as superuser:
        return superuser.execute(statement.encode(), args).rowcount


def _repeated(name: str, every_s: float, work: Callable[[], object]) -> Heal:
    """Until it is healed; what fails once is tried again."""
    healed = threading.Event()

    def go_on() -> None:
        while not healed.wait(every_s):
            try:
                work()
            except (httpx.TransportError, psycopg.Error):
                continue

    thread = threading.Thread(target=go_on, name=name, daemon=True)
    thread.start()

    def heal() -> None:
        healed.set()
        thread.join(_TIMEOUT_S)

    return heal


# ---- somebody buys ---------------------------------------------------------------------------------------------------


def _check_out(stack: Stack) -> dict[str, Any] | None:
    """A checkout at Stripe; None when nobody gets one now."""
    body = {"items": [PRICE], "customer": {"email": "drill@example.org", "name": "Drill"}, "locale": "en"}
    url = f"{stack.found['api']}/api/payment/checkout-session"
    headers = {"Idempotency-Key": f"drill-{uuid4()}"}
    answer = httpx.post(url, json=body | {"provider": "stripe"}, headers=headers, timeout=_TIMEOUT_S)
    found: dict[str, Any] | None = answer.json() if answer.status_code == _CREATED else None
    return found


def _pay(stack: Stack, order: Mapping[str, Any], card: str) -> None:
    page = httpx.URL(order["checkoutUrl"]).path.rstrip("/").rpartition("/")[2]
    httpx.post(f"{stack.emulator}/sessions/{page}/pay", json={"card": card}, timeout=_TIMEOUT_S)


def _ordered(stack: Stack) -> dict[str, Any]:
    order = _check_out(stack)
    if order is None:
        raise FaultError("nobody gets a checkout")
    return order


# ---- the faults --------------------------------------------------------------------------------------------------------


def _cards_tried(stack: Stack, args: Args) -> Heal:
    """Somebody opens one checkout after the other, as fast as the limits let one address, and tries stolen cards on each.

    At first all that are to be had at once, so that from then on it is the rate alone that holds them back.
    """
    for _ in range(_MOST_AT_ONCE):
        if _check_out(stack) is None:
            break

    def attempt() -> None:
        order = _check_out(stack)
        for _ in range(int(args.get("a_checkout", 10)) if order else 0):
            _pay(stack, order or {}, DECLINED)

    heals = [_repeated(f"stolen cards {number}", 0.2, attempt) for number in range(2)]

    def heal() -> None:
        for each in heals:
            each()

    return heal


def _mail_refused(stack: Stack, _: Args) -> Heal:
    """The mail server says no to every letter; those who were refused have no tries left, as after a night of it."""
    store = stack.folder / "state" / "mail" / "mails.sqlite"
    _rename(store, "messages", "messages_away")
    used_up = f"""
        UPDATE outbox SET attempts = {_LAST_TRY:d}, due_at = now()
        WHERE kind LIKE 'mail.%' AND state = 'pending' AND attempts BETWEEN 1 AND {_LAST_TRY - 1:d}
            AND (leased_until IS NULL OR leased_until < now())
    """  # noqa: S608 - numbers
    rest = _repeated("refused letters", 0.5, lambda: _run(stack, used_up))

    def heal() -> None:
        rest()
        _rename(store, "messages_away", "messages")

    return heal


def _rename(store: Path, old: str, new: str) -> None:
    sink = sqlite3.connect(store, timeout=_TIMEOUT_S)
    sink.execute(f"ALTER TABLE {old} RENAME TO {new}")
    sink.close()


def _stock_off(stack: Stack, args: Args) -> Heal:
    """A hand in the database: the counter of a ticket type does not fit its holds any more."""
    which = {"ticket_type": args.get("ticket_type", "full-pass")}

    def change(by: int) -> None:
        if _run(stack, f"UPDATE stock SET held = held + {by:d} WHERE ticket_type = %(ticket_type)s", which) != 1:  # noqa: S608 - a number
            raise FaultError("there is no such ticket type")

    change(2)
    return lambda: change(-2)


def _tickets_void(stack: Stack, _: Args) -> Heal:
    """A release that issues tickets which let nobody in; taken back, those of paid orders are made good."""
    _run(
        stack,
        "CREATE OR REPLACE FUNCTION drill_void_tickets() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN NEW.status := 'void'; RETURN NEW; END $$",
    )
    _run(
        stack,
        "CREATE TRIGGER drill_void_tickets BEFORE INSERT ON tickets FOR EACH ROW EXECUTE FUNCTION drill_void_tickets()",
    )

    def heal() -> None:
        _run(stack, "DROP TRIGGER drill_void_tickets ON tickets")
        _run(stack, "DROP FUNCTION drill_void_tickets()")
        good = "UPDATE tickets SET status = 'valid' WHERE status = 'void' AND order_id IN (SELECT id FROM orders WHERE status = 'paid')"
        _run(stack, good)

    return heal


def _queue_held(stack: Stack, args: Args) -> Heal:
    """Somebody looks at events in a transaction, with their rows locked, and goes to lunch: the worker passes them by."""
    chosen = "SELECT seq FROM payment_events WHERE state = 'applied' AND NOT is_thin ORDER BY seq DESC LIMIT 3"
    again = f"""
        UPDATE payment_events SET state = 'pending', attempts = 0, due_at = now() + interval '2 seconds', cause = NULL,
            ended_at = NULL, outcome = NULL
        WHERE seq IN ({chosen}) RETURNING seq
    """  # noqa: S608 - our own words
    with psycopg.connect(stack.found["database_url"], autocommit=True, connect_timeout=_TIMEOUT_S) as superuser:
        held = [row[0] for row in superuser.execute(again.encode()).fetchall()]
    if not held:
        raise FaultError("no event was applied yet")
    forgotten = psycopg.connect(stack.found["database_url"], application_name=str(args.get("name", "report")))
    forgotten.execute("SELECT FROM payment_events WHERE seq = ANY(%s) FOR UPDATE", [held])

    def heal() -> None:
        try:
            forgotten.rollback()
        except psycopg.Error:  # the run has ended it
            return
        finally:
            forgotten.close()

    return heal


def _secret_rotated(stack: Stack, args: Args) -> Heal:
    """Somebody has rotated the endpoint's secret at the gateway; whoever may has written the new one into the responder's folder."""
    provider = str(args.get("provider", "stripe"))
    url = f"{stack.emulator}/endpoints"
    found = httpx.get(url, timeout=_TIMEOUT_S).raise_for_status().json()["endpoints"]
    names = ("url", "secret", "enabled_events", "provider", "payload")
    before = [{name: each[name] for name in names if name in each} for each in found]
    secret = f"whsec_{secrets.token_hex(24)}"
    after = [each | {"secret": secret} if each.get("provider", "stripe") == provider else each for each in before]
    given = stack.folder / "state" / "respond" / "secrets" / provider
    given.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    given.touch(mode=0o600)
    given.write_text(secret)
    httpx.put(url, json=after, timeout=_TIMEOUT_S).raise_for_status()

    def heal() -> None:
        httpx.put(url, json=before, timeout=_TIMEOUT_S).raise_for_status()

    return heal


def _order_unheard(stack: Stack, _: Args) -> Heal:
    """Somebody has paid and no event of it came; what would close the order waits for its next try, and the order is days old.

    It needs `webhooks.dropped` and a failing list of events beside it, or one of them tells of the payment.
    """
    order = _ordered(stack)
    which = {"order": order["orderId"]}
    later = """
        INSERT INTO outbox (kind, key, payload, state, attempts, due_at, created_at)
        VALUES ('checkout.expire', %(order)s, json_build_object('order_id', %(order)s::text), 'pending', 40,
            now() + interval '1 hour', now())
        ON CONFLICT (kind, key) DO UPDATE SET state = 'pending', attempts = 40, due_at = excluded.due_at
    """
    _run(stack, later, which)
    _run(stack, "UPDATE payments SET looked_at = now() + interval '1 hour' WHERE order_id = %(order)s", which)
    _pay(stack, order, CARD)
    aged = "UPDATE orders SET updated_at = now() - interval '3 days', expires_at = now() - interval '5 minutes'"
    if _run(stack, f"{aged} WHERE id = %(order)s AND status = 'awaiting_payment'", which) != 1:
        raise FaultError("the order is not open any more: its payment was heard of")
    return lambda: None


MISHAPS: Mapping[str, Callable[[Stack, Args], Heal]] = {
    "cards.tried": _cards_tried,
    "mail.refused": _mail_refused,
    "stock.off": _stock_off,
    "tickets.void": _tickets_void,
    "queue.held": _queue_held,
    "webhooks.rotated": _secret_rotated,
    "orders.unheard": _order_unheard,
}

"""Every moment at which a crash could cost money, read from the code: each commit and each call to the outside.

`scan()` walks the syntax of `service/` and names what it finds after where it stands: `checkout.flow._open:commit-1`,
`completion.flow.capture:call-1`. A commit is a `….transaction()` or a statement on a raw connection; a call is one of the
`Gateway` protocol, or a letter handed to the mail server. Nothing is listed by hand but what is left out, with its reason.
"""

import ast
import inspect
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from service.gateways.base import Gateway

ROOT = Path(__file__).parents[2]
Moment = Literal["before", "after"]
MOMENTS: tuple[Moment, ...] = ("before", "after")

# Folders and files that are no part of what `serve` and `work` do to orders and money, and why.
OUTSIDE: Mapping[str, str] = {
    "service/bench": "drives the service from outside",
    "service/cli": "commands of a person, each one transaction, who sees them end and gives them again",
    "service/desk": "commands of a person, too, at the cash desk",
    "service/acts": "an operator's act is one transaction; who has no answer sends it again under its key",
    "service/emulator": "the gateways' stand-in",
    "service/impact": "what operators ask; what they do there is `completion`, whose points are tried",
    "service/inbox": "operators' acts, see service/acts",
    "service/ops": "operators' acts, see service/acts",
    "service/outbox": "operators' acts, see service/acts",
    "service/switches": "operators' acts, see service/acts",
    "service/synthetic": "a customer: what it asks for over HTTP is tried as everybody's; a purchase cut short runs out",
    "service/changes": "which build and settings a process has begun with; its next start tells it again",
    "service/recheck": "operators' acts, see service/acts",
    "service/webhook_secrets": "operators' acts, see service/acts; and reads what they wrote",
    "service/account": "people look after their own sign-in; no order and no money is touched",
    "service/sessions": "who is signed in; whoever is not any more signs in again",
    "service/staff": "who they are; it commits nothing by itself",
    "service/signin": "people sign in, a step each; a step that was lost is taken again",
    "service/tries": "failed sign-ins are counted before they are looked at",
    "service/figures.py": "counts rows for metrics",
    "service/lookout.py": "sees what is due, and wakes who takes it",
    "service/health.py": "answers whether it may be sent traffic",
    "service/gateways": "one call of the protocol is one point, where it is called",
    "service/kernel": "where `transaction` itself is",
    "service/local": "starts processes on a developer's machine",
    "service/migrations": "run before any of this",
}

# Commits that write nothing; a child that sees one of them write fails the test.
READS: Mapping[str, str] = {
    "access.flow.KeyRing._look_up:commit-1": "an API key and whose it is",
    "approvals.api.get_refund:commit-1": "a refund for staff",
    "approvals.api.list_refunds:commit-1": "refunds for staff",
    "approvals.flow.expire_undecided:commit-1": "which refunds nobody has decided on",
    "catalog.api.get_catalog:commit-1": "what is on sale",
    "checkout.flow._answer:commit-1": "an answer given before, read again",
    "closing.flow.close:commit-1": "what a month comes to, before it is closed",
    "completion.flow.expire_order:commit-1": "which attempts there are to close",
    "controls.flow.Switchboard.refresh:commit-1": "how the switches stand",
    "history.api.get_transaction_history:commit-1": "a page of the history",
    "history.flow.read_all:commit-1": "a batch of the history",
    "receipts.api.get_order:commit-1": "an order for its buyer",
    "storefront.api.Visit.catalog:commit-1": "what is on sale, for its page",
    "storefront.api.Visit.order:commit-1": "an order for its page",
    "storefront.api._remember:commit-1": "which token of a link opens its order",
    "storefront.flow._open:commit-1": "the order that was just opened, for its page",
    "deliveries._sender.send:commit-1": "the order a letter is about",
    "deliveries._link_sender.send:commit-1": "the orders a letter with links is about",
    "shedding.flow.holds_open:commit-1": "whether a browser's order is open",
    "settlements.flow._itemise:commit-1": "which payouts are not itemised",
    "keeping.flow.Walk.turn:commit-1": "which orders are not in the books as they are",
    "dispatch.flow.send:commit-1": "the refund that is to be sent",
    "recovery.flow.looker.take:commit-1": "which events are missing, for a person who only asks",
}

# Commits and calls that move no order and no money; a crash there is forgotten by the next turn.
BOOKKEEPING: Mapping[str, str] = {
    "access.flow.KeyRing.flush:commit-1": "when a key was last used; its next use says so again",
    "approvals.flow.expire_undecided:commit-2": "cancels what nobody decided on; the next turn does it again",
    "closing.flow.close:commit-2": "a month is closed with its audit in one; a person who saw no answer is told that it is",
    "reconciliation.flow.reconcile_due:commit-2": "gives a day back that could not be read; else its lease runs out",
    "completion.flow._set_aside:commit-1": "money that does not fit its order: whoever asks again sets it aside again",
    "disputes.flow.remind:commit-1": "opens a case for a day that comes near; the next turn opens it again",
    "signing.flow.take_nonce:commit-1": "who has no answer signs anew, under the Idempotency-Key of before",
    "links.api.ask_for_links:commit-1": "asks for a letter; who has no answer asks again",
    "links.api.send_order_link:commit-1": "the same from a page",
    "worker.Worker._end_leases:commit-1": "puts a switch back whose lease has ended; the next turn does it again",
    "worker.Worker._forget:commit-1": "forgets keys of last week; what is left over goes an hour later",
    "worker.Worker._forget:commit-2": "takes bodies of events whose customer is erased; the next turn finds the same",
    "worker.Worker._hand_back:commit-1": "at a clean end only; without it the lease runs out, as after any crash",
    "worker.Worker._keep:commit-1": "renews a lease that a crash lets run out",
}


@dataclass(frozen=True)
class Point:
    """One commit or outside call; `verb` is the name that is called between lines `first` and `last` of `path`."""

    name: str
    path: str
    first: int
    last: int
    verb: str

    @property
    def left_out(self) -> bool:
        return self.name in READS or self.name in BOOKKEEPING


@cache
def outside_calls() -> frozenset[str]:
    """What a gateway can be asked over the wire, by the protocol itself."""
    asked = {name for name, each in vars(Gateway).items() if inspect.iscoroutinefunction(each)}
    return frozenset((asked | {name for name in vars(Gateway) if name.startswith("list_")}) - {"close"})


@cache
def scan() -> tuple[Point, ...]:
    """All points of the service, those left out too, in the order of the files."""
    files = sorted((ROOT / "service").rglob("*.py"))
    inside = (each.relative_to(ROOT).as_posix() for each in files if "__pycache__" not in each.parts)
    paths = [path for path in inside if not any(path == each or path.startswith(f"{each}/") for each in OUTSIDE)]
    return tuple(point for path in paths for point in read_points(path, (ROOT / path).read_text()))


def points() -> tuple[Point, ...]:
    """The points at which a crash is tried."""
    return tuple(point for point in scan() if not point.left_out)


def read_points(path: str, text: str) -> list[Point]:
    """The points of one file, numbered by kind within their function."""
    tree = ast.parse(text, path)
    modules = _imported(tree)
    module = path.removeprefix("service/").removesuffix(".py").replace("/", ".")
    found: list[Point] = []
    numbers: Counter[str] = Counter()
    for owner, call in _calls(tree, ""):
        kind = _kind(call, modules)
        if kind is None:
            continue
        place = f"{module}.{owner}:{kind}"
        numbers[place] += 1
        verb = ast.unparse(call.func).rpartition(".")[2]
        found.append(Point(f"{place}-{numbers[place]}", path, call.lineno, call.end_lineno or call.lineno, verb))
    return found


def _imported(tree: ast.Module) -> set[str]:
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    return {alias.asname or alias.name.split(".")[0] for node in nodes for alias in node.names}


def _calls(node: ast.AST, owner: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call below `node` with the dotted name of the function or class around it, in the order of the text."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _calls(child, f"{owner}.{child.name}" if owner else child.name)
            continue
        if isinstance(child, ast.Call):
            yield owner, child
        yield from _calls(child, owner)


def _kind(call: ast.Call, modules: set[str]) -> str | None:
    if not isinstance(call.func, ast.Attribute):
        return None
    of, _, verb = ast.unparse(call.func).rpartition(".")
    if verb == "transaction" or (verb == "execute" and of in {"connection", "raw"}):
        return "commit"
    is_letter = verb == "send" and of.rpartition(".")[2] == "post"
    is_asked = verb in outside_calls() and of not in modules
    return "call" if is_letter or is_asked else None

"""What every answer has to keep beside what the document says; loaded by Schemathesis (SCHEMATHESIS_HOOKS).

Acts of the fuzz itself are kept short: a switch it moves goes back after a second, so that the rest meets an open shop.
"""

import json
import re
from typing import Any

import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.checks import CheckContext

PROBLEM = "application/problem+json"
FIELDS = {"type": str, "title": str, "status": int, "detail": str, "code": str}
OPTIONAL = {"traceId", "errors", "ticketType", "available", "returning", "provider", "otherProviders", "planHash"}
DECIDED = frozenset(
    {"maintenance", "sales_paused", "load_shed", "gateway_unavailable", "provider_unavailable"}
)  # by a switch it moved
INSIDE = re.compile(r"Traceback|psycopg|sqlalchemy|File \"/|/site-packages/|SELECT |INSERT INTO", re.IGNORECASE)
SHORTEST_LEASE_S = 1
UNAVAILABLE = 503


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    body: Any = case.body
    if not case.operation.path.startswith("/api/ops/switches") or not isinstance(body, dict):
        return
    if isinstance(body.get("lease"), int):
        body["lease"] = min(body["lease"], SHORTEST_LEASE_S)
    elif "value" in body:
        body.setdefault("lease", SHORTEST_LEASE_S)


@schemathesis.check
def nothing_breaks(ctx: CheckContext, response: Response, case: Case) -> None:
    """No 5xx, but what a moved switch explains."""
    if response.status_code < 500:
        return
    code = json.loads(response.content).get("code") if response.content else None
    assert (response.status_code, code in DECIDED) == (UNAVAILABLE, True), f"{response.status_code} {code}"


@schemathesis.check
def every_refusal_is_a_problem(ctx: CheckContext, response: Response, case: Case) -> None:
    """Problem documents with the contract's fields, and nothing of our inside in them."""
    if response.status_code < 400:
        return
    kind = response.headers.get("content-type", [""])[0]
    assert kind.startswith(PROBLEM), f"{response.status_code} with {kind}"
    if case.method == "HEAD":
        return
    body = json.loads(response.content)
    wrong = [name for name, kind in FIELDS.items() if type(body.get(name)) is not kind]
    assert [] == wrong
    assert body["status"] == response.status_code
    assert set() == body.keys() - FIELDS.keys() - OPTIONAL
    assert "traceId" in body
    assert all(each.keys() == {"field", "code", "message"} for each in body.get("errors", []))
    assert not INSIDE.search(response.content.decode())


@schemathesis.check
def headers_are_ours(ctx: CheckContext, response: Response, case: Case) -> None:
    """Nothing of the request becomes a header, or breaks one."""
    for name, values in response.headers.items():
        assert re.fullmatch(r"[a-zA-Z0-9-]+", name), name
        assert not any("\r" in value or "\n" in value for value in values), name

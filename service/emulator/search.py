"""Search: the little of the vendor's query language that finds a payment again by what we know of it.

Clauses joined by `AND`: `metadata['key']:'value'`, `status:'…'`, `currency:'…'`, and `amount` or `created` with `:`, `<`,
`>`, `<=`, `>=`. The real one lags behind by up to a minute (docs.stripe.com/search#data-freshness); this one does not.
"""

import operator
import re
from collections.abc import Callable

from service.emulator import params, reads
from service.emulator.errors import invalid, missing_param
from service.emulator.params import text
from service.emulator.reads import Window
from service.emulator.store import Row
from service.emulator.wire import Obj, decode, encode
from service.emulator.world import World

SEARCH = {"query": text, "limit": params.integer, "page": text}
WORD = re.compile(
    r"""(?P<not>-?)(?:metadata\[(?P<q>["'])(?P<key>[^"']+)(?P=q)\]|(?P<field>status|currency)):(?P<r>["'])(?P<value>[^"']*)(?P=r)"""
)
NUMBER = re.compile(r"(?P<field>amount|created)(?P<op>:|<=|>=|<|>)(?P<value>\d{1,15})")
JOINED = re.compile(r"\s+AND\s+", re.IGNORECASE)
COMPARE = {":": operator.eq, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}

Clause = Callable[[Obj], bool]


def search(world: World, kind: str, given: Obj, path: str) -> bytes:
    """Newest first; raises for a query it cannot read."""
    asked = params.read(given, SEARCH)
    if not asked.get("query"):
        raise missing_param("query")
    clauses = [_clause(part) for part in JOINED.split(asked["query"].strip())]

    def passes(_identifier: str, row: Row) -> bool:
        found = decode(row.raw)
        return all(clause(found) for clause in clauses)

    cursor = {"limit": asked.get("limit", reads.DEFAULT_LIMIT)}
    if "page" in asked:
        cursor["starting_after"] = asked["page"]
    table = world.store.table(kind)
    found, more = reads.page(table, cursor, Window({}), passes)
    return encode(
        {
            "object": "search_result",
            "data": [decode(table.rows[identifier].raw) for identifier in found],
            "has_more": more,
            "next_page": found[-1] if more else None,
            "url": path,
        }
    )


def _clause(part: str) -> Clause:
    word, number = WORD.fullmatch(part), NUMBER.fullmatch(part)
    if word is not None:
        return _says(word["key"], word["field"], word["value"], wanted=not word["not"])
    if number is not None:
        field, compare, bound = number["field"], COMPARE[number["op"]], int(number["value"])
        return lambda found: bool(compare(found[field], bound))
    raise invalid(f"We were unable to parse your search query: {part}", param="query")


def _says(key: str | None, field: str | None, value: str, *, wanted: bool) -> Clause:
    if field is not None:
        return lambda found: (found[field] == value) is wanted
    return lambda found: (found["metadata"].get(key) == value) is wanted

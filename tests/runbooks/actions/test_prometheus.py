"""Questions to Prometheus: what becomes of an answer, what of none, and which durations a drill divides."""

import promql_parser
import pytest

from runbooks.actions.prometheus import Prometheus, at_pace
from runbooks.actions.wire import Wire
from runbooks.engine.registry import RefusedError, UnreachableError
from tests.runbooks.actions.wires import peer, vector


async def ask(answer, query="up", *, pace=1):
    with peer(lambda *_: answer) as known:
        async with Wire("Prometheus", known.url) as wire:
            return await Prometheus(wire, pace=pace).query(query), known.asked


async def test_facts_of_a_query_are_its_greatest_value_sum_count_and_labels():
    """What is not a number is left out, a whole number has no point, and JSON's lack of infinity is not ours."""
    series = ({"provider": "stripe", "__name__": "x"}, 3), ({"provider": "paypal"}, 1.5), ({"provider": "odd"}, "NaN")

    facts, _ = await ask(vector(*series))
    endless, _ = await ask(vector(({}, "+Inf")))

    assert {"value": 3, "sum": 4.5, "count": 2, "label_provider": "stripe"} == facts
    assert endless["value"] > 1e300


async def test_no_series_is_no_value():
    """Nothing is never read as zero."""
    facts, _ = await ask(vector())

    assert {"count": 0} == facts


async def test_a_scalar_is_one_value_and_a_range_is_no_answer():
    """`1 + 1` has a value; `up[5m]` has none that could be compared."""
    scalar = {"status": "success", "data": {"resultType": "scalar", "result": [1, "2"]}}
    matrix = {"status": "success", "data": {"resultType": "matrix", "result": []}}

    facts, _ = await ask((200, scalar))

    assert {"value": 2, "sum": 2, "count": 1} == facts
    with pytest.raises(RefusedError):
        await ask((200, matrix))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((400, {"status": "error", "errorType": "bad_data", "error": "parse error"}), RefusedError),
        ((503, {"status": "error", "errorType": "timeout", "error": "query timed out"}), UnreachableError),
        (
            (200, {"status": "success", "warnings": ["partial"], "data": {"resultType": "vector", "result": []}}),
            UnreachableError,
        ),
        ((200, b"<html>a login page</html>"), UnreachableError),
        ((302, b""), UnreachableError),
        ((200, b"x" * 5_000_000), UnreachableError),
    ],
)
async def test_what_is_no_whole_answer_is_none(answer, error):
    """A wrong query is refused; a fault, half an answer, somebody else's page and a flood mean that nothing is known."""
    with pytest.raises(error):
        await ask(answer)


async def test_nobody_there_is_unreachable():
    """A closed port, and an address that nobody has set."""
    for url in ("http://127.0.0.1:9", ""):
        async with Wire("Prometheus", url) as wire:
            with pytest.raises(UnreachableError, match="Prometheus"):
                await Prometheus(wire).query("up")


PACED = [
    ("rate(x[5m])", "rate(x[5s])"),
    ("rate(x[1h30m])", "rate(x[90s])"),
    ("x offset 1h", "x offset 60s"),
    ("x OFFSET -1h", "x OFFSET -60s"),
    ("sum(rate(x[10m] offset 1d)) > 600", "sum(rate(x[10s] offset 1440s)) > 600"),
    ("max_over_time(rate(x[1h])[6h:5m])", "max_over_time(rate(x[60s])[360s:5s])"),
    ("max_over_time(x[6h:])", "max_over_time(x[360s:])"),
    ('x{path="[5m] offset 1h"}[1m]', 'x{path="[5m] offset 1h"}[5s]'),  # never below four scrapes; never in a value
    ("x{y='it is \\' [5m]'}[5m]", "x{y='it is \\' [5m]'}[5s]"),
    ("x{y=~`a[5m]`}[1d]", "x{y=~`a[5m]`}[1440s]"),
    ('time() - max(offset_seconds{offset="1h"}) > 300', 'time() - max(offset_seconds{offset="1h"}) > 300'),
    ("rate(x[5m]) # of [5m]\n > 1", "rate(x[5s]) # of [5m]\n > 1"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), PACED)
def test_a_drill_divides_ranges_and_offsets_and_nothing_else(query, expected):
    """Durations in brackets and behind `offset`; label values, comments and numbers stay."""
    paced = at_pace(query, 60)

    assert expected == paced
    assert query == at_pace(query, 1)
    assert promql_parser.parse(paced)


async def test_the_query_is_asked_at_the_pace_of_its_rules():
    """Prometheus is sent the divided ranges."""
    _, asked = await ask(vector(), "increase(x[10m])", pace=60)

    assert [("POST", "/api/v1/query", {"query": "increase(x[10s])", "timeout": "3s"})] == asked

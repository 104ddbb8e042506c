"""One trace goes from the click to the ticket; what is worth keeping is kept, and nothing else costs anything."""

import asyncio
import time

import pytest

from service.telemetry.catalogue import PAID_TO_TICKET
from service.telemetry.registry import Telemetry
from service.telemetry.spans import parse_traceparent
from service.telemetry.tracing import (
    KEPT_PER_SECOND,
    SPANS_PER_TRACE,
    Tracing,
    create_tracing,
    current_span,
    current_trace_id,
    current_traceparent,
    ratio_from_environment,
)
from tests.telemetry.memory import Memory

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


@pytest.fixture
def kept() -> Memory:
    return Memory()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"00-{TRACE}-{PARENT}-01", True),
        (f"00-{TRACE}-{PARENT}-00", False),
        (f"00-{TRACE}-{PARENT}-03", True),  # sampled and random
        (f"01-{TRACE}-{PARENT}-01-more", True),  # a later version may say more
        (f"00-{TRACE}-{PARENT}-01-more", None),  # this one may not
        (f"ff-{TRACE}-{PARENT}-01", None),
        (f"00-{'0' * 32}-{PARENT}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-{PARENT}-01", None),
        (f"00-{TRACE}-{PARENT}", None),
        (f"00-{TRACE}-{PARENT}-01\n", None),
        ("x" * 10_000, None),
        ("", None),
        (None, None),
    ],
)
def test_a_traceparent_is_read_as_the_recommendation_says(text, expected):
    """Valid headers give ids and the sampled flag, everything else is ignored."""
    parsed = parse_traceparent(text)

    assert expected == (parsed[2] if parsed else None)
    assert parsed is None or parsed[:2] == (int(TRACE, 16), int(PARENT, 16))


def test_an_invalid_traceparent_starts_a_new_trace(kept: Memory):
    """Rubbish in a header or a row breaks nothing."""
    with Tracing(kept, ratio=1).span("request", traceparent="rubbish") as span:
        assert current_trace_id() == span.hex_trace_id

    assert span.parent_id is None


def test_a_trace_is_continued_from_its_traceparent(kept: Memory):
    """The worker's span is a child of the request's, in the same trace, with the same sampling decision."""
    tracing = Tracing(kept, ratio=0)
    with tracing.span("apply", traceparent=f"00-{TRACE}-{PARENT}-01", kind="consumer"):
        carried = current_traceparent()
    with tracing.span("mail", traceparent=carried):
        pass

    apply, mail = kept.spans
    assert [TRACE, TRACE] == [apply.hex_trace_id, mail.hex_trace_id]
    assert (apply.parent_id, mail.parent_id) == (int(PARENT, 16), apply.span_id)


def test_spans_nest(kept: Memory):
    """A span inside a span is its child and gives the place back when it ends."""
    tracing = Tracing(kept, ratio=1)
    with tracing.span("request") as outer:
        with tracing.span("gateway", kind="client", **{"cubano.provider": "stripe"}) as inner:
            inner.set("attempt", 2)
        assert current_span() is outer

    assert current_span() is None
    assert inner.parent_id == outer.span_id
    assert inner.attributes == {"cubano.provider": "stripe", "attempt": 2}
    assert kept.names() == ["gateway", "request"]


async def test_concurrent_tasks_have_their_own_current_span(kept: Memory):
    """Two requests on one event loop never see each other's trace."""
    tracing = Tracing(kept, ratio=1)

    async def work() -> tuple[str, str | None]:
        with tracing.span("request") as span:
            await asyncio.sleep(0.001)
            return span.hex_trace_id, current_trace_id()

    results = await asyncio.gather(*(work() for _ in range(20)))

    assert all(own == seen for own, seen in results)
    assert len({own for own, _ in results}) == 20


def test_without_an_exporter_ids_are_made_and_nothing_is_kept():
    """Tracing that is off still names every trace, so that logs and gateways can be searched by it."""
    tracing = create_tracing("serve", "test", "1")
    with tracing.span("request") as span:
        carried = current_traceparent()

    assert not tracing.recording
    assert carried == f"00-{span.hex_trace_id}-{span.hex_span_id}-00"
    assert parse_traceparent(carried) == (span.trace_id, span.span_id, False)


@pytest.mark.parametrize("sink", [None, Memory()])
def test_what_has_ended_holds_nothing(sink: Memory | None):
    """A trace that is over does not hold its root, which holds the trace: each request would leave work for the collector."""
    with Tracing(sink, ratio=0).span("request") as span:
        pass

    assert span.local.root is None


def test_no_span_no_trace():
    """Outside of every span there is nothing to pass on."""
    assert (None, None, None) == (current_span(), current_trace_id(), current_traceparent())


def test_the_head_decides_by_ratio(kept: Memory):
    """About the asked share of traces is kept, whole."""
    tracing = Tracing(kept, ratio=0.1, seed=7)
    for _ in range(2_000):
        with tracing.span("request"), tracing.span("commit"):
            pass

    assert kept.names().count("request") == kept.names().count("commit")
    assert 150 <= kept.names().count("request") <= 250


def test_an_error_is_kept_at_ratio_zero(kept: Memory):
    """The whole local trace of a failure is there, including the spans that went well before it."""
    tracing = Tracing(kept, ratio=0)

    def answer() -> None:
        with tracing.span("request"):
            with tracing.span("select"):
                pass
            with tracing.span("gateway"):
                raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        answer()

    assert kept.names() == ["select", "gateway", "request"]
    assert kept.spans[1].attributes["error.type"] == "ValueError"
    assert [None, "ValueError: no", "ValueError: no"] == [span.error for span in kept.spans]


def test_an_error_that_was_handled_is_kept_too(kept: Memory):
    """A retried gateway call leaves its trace even though the request went well."""
    tracing = Tracing(kept, ratio=0)
    with tracing.span("request"):
        with tracing.span("gateway") as first:
            first.fail("timeout")
        with tracing.span("gateway"):
            pass

    assert kept.names() == ["gateway", "gateway", "request"]
    assert kept.spans[2].error is None


def test_a_slow_span_is_kept_at_ratio_zero(kept: Memory):
    """Slowness of any part keeps the trace."""
    tracing = Tracing(kept, ratio=0, slow_seconds=0.2)
    with tracing.span("quick"):
        pass
    with tracing.span("request"), tracing.span("commit"):
        time.sleep(0.25)

    assert kept.names() == ["commit", "request"]


def test_an_expected_answer_is_no_error(kept: Memory):
    """The root says which exceptions are answers ("sold out"); a cancelled task is none either."""

    class SoldOut(Exception):
        pass

    tracing = Tracing(kept, ratio=0, is_fault=lambda error: not isinstance(error, SoldOut))
    for expected in (SoldOut, asyncio.CancelledError):
        with pytest.raises(expected), tracing.span("request"):
            raise expected

    assert kept.spans == []


def test_a_trace_holds_a_bounded_number_of_spans(kept: Memory):
    """A loop inside one unsampled request cannot eat memory; what was left out is counted when the rest is kept."""
    tracing = Tracing(kept, ratio=0)
    with tracing.span("request") as request:
        for _ in range(SPANS_PER_TRACE + 20):
            with tracing.span("step"):
                pass
        request.fail("no")

    assert len(kept.spans) == SPANS_PER_TRACE
    assert kept.dropped == 21  # 20 steps and the request itself, which ended last


def test_a_sampled_trace_is_passed_on_in_pieces(kept: Memory):
    """A sampled trace of any length is complete."""
    tracing = Tracing(kept, ratio=1)
    with tracing.span("request"):
        for _ in range(SPANS_PER_TRACE * 2):
            with tracing.span("step"):
                pass

    assert len(kept.spans) == SPANS_PER_TRACE * 2 + 1
    assert kept.dropped == 0


def test_an_outage_does_not_keep_every_request(kept: Memory):
    """When every request fails, so many traces a second are kept and the others counted."""
    tracing = Tracing(kept, ratio=0)
    failures = KEPT_PER_SECOND * 3
    for _ in range(failures):
        with tracing.span("request") as span:
            span.fail("down")

    assert KEPT_PER_SECOND <= len(kept.spans) < failures
    assert kept.dropped == failures - len(kept.spans)


async def test_a_task_that_outlives_its_request_keeps_its_failures(kept: Memory):
    """A span that ends after the local root stands for itself: kept when it failed, gone when it did not."""
    tracing = Tracing(kept, ratio=0)

    async def later(*, fails: bool) -> None:
        await asyncio.sleep(0.001)
        with tracing.span("later") as span:
            if fails:
                span.fail("no")

    with tracing.span("request"):
        tasks = [asyncio.create_task(later(fails=fails)) for fails in (True, False)]
    await asyncio.gather(*tasks)

    assert [(span.name, span.error) for span in kept.spans] == [("later", "no")]


@pytest.mark.parametrize(("ratio", "exemplars"), [(1, 1), (0, 0)])
def test_an_exemplar_points_only_at_a_trace_that_exists(kept: Memory, ratio: int, exemplars: int):
    """A sampled span leaves its trace id at the bucket and is marked; an unsampled one leaves nothing."""
    telemetry = Telemetry("serve", version="1", environment="test", tracer=Tracing(kept, ratio=ratio))
    with telemetry.span("apply") as span:
        telemetry.observe(PAID_TO_TICKET, 0.2)

    text = telemetry.render("application/openmetrics-text;version=1.0.0")[0].decode()
    assert text.count(f'# {{trace_id="{span.hex_trace_id}"}}') == exemplars
    assert span.attributes.get("exemplar", False) is bool(exemplars)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0.5", 0.5), ("0", 0.0), ("1", 1.0), ("", 0.1), ("much", 0.1), ("7", 0.1), ("-1", 0.1), ("nan", 0.1)],
)
def test_the_ratio_comes_from_the_standard_variable(monkeypatch: pytest.MonkeyPatch, value: str, expected: float):
    """OTEL_TRACES_SAMPLER_ARG is a share; anything else is the default instead of a failed start."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", value)

    assert ratio_from_environment() == expected


@pytest.mark.alone
def test_a_span_costs_microseconds():
    """An unsampled request with one span inside; the bound is generous because the machine is shared."""
    tracing = Tracing(Memory(), ratio=0)
    started = time.perf_counter()
    for _ in range(5_000):
        with tracing.span("request"), tracing.span("commit"):
            pass

    assert (time.perf_counter() - started) / 5_000 * 1e6 < 60

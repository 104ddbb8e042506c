"""`cubano bench run telemetry-overhead`: its short form, for what it says, what it promises and how it counts."""

import json

import pytest
from rich.console import Console

from service.bench.drive import Stretch
from service.bench.overhead import MOST_US, PATHS, Overhead, Pair, print_overhead, record
from service.bench.trouble import FULL, Trouble
from service.kernel.clock import utc_now
from tests.bench.test_bench import bench, left

pytestmark = pytest.mark.xdist_group("bench")


def test_the_short_form_measures_everything(tmp_path):
    """Both paths with and without, every piece, and answers that no trouble of telemetry's changes; nothing is left of it."""
    process = bench("run", "telemetry-overhead", "--seconds", "1", "--json", cwd=tmp_path, mark=str(tmp_path))

    [told] = json.loads(process.stdout)
    assert process.returncode == (0 if told["holds"] else 1), process.stderr
    assert list(PATHS) == [each["path"] for each in told["paths"]]
    assert all(each["failed"] == 0 and min(each["rates"]) > 0 for each in told["paths"])
    pieces = {
        "count",
        "observe",
        "observe with exemplar",
        "span",
        "span that is kept",
        "log line",
        "middleware",
        "statement",
        "scrape",
    }
    assert pieces == set(told["pieces_us"])
    assert [(True, 0)] * len(told["troubles"]) == [(each["same"], each["failed"]) for each in told["troubles"]]
    troubles = {each["what"]: each["dropped"] for each in told["troubles"]}
    assert ({"exporter dead", "disk full"} if FULL.exists() else {"exporter dead"}) == set(troubles)
    assert troubles.get("disk full", {"logs": 1}).get("logs")  # the disk was really full
    assert json.loads((tmp_path / ".cubano/bench/history.jsonl").read_text()) == told
    assert [] == left(str(tmp_path))


def stretch(rate: int, cost_us: float, *, failed: int = 0) -> Stretch:
    return Stretch(1.0, rate, failed, [1.0], {"serve": rate * cost_us / 1e6})


def rounds(*whole: Stretch) -> Pair:
    return Pair("checkout", whole, (stretch(100, 1000),) * len(whole), {"count": 3.0}, pieces_us=45)


@pytest.mark.parametrize(
    ("found", "holds"),
    [
        (rounds(*[stretch(100, 1000)] * 3), True),
        (rounds(*[stretch(96, 1040)] * 3), True),
        (rounds(*[stretch(94, 1040)] * 3), False),  # six per cent lost
        (rounds(*[stretch(99, 1060)] * 3), False),  # sixty microseconds
        (rounds(*[stretch(98, 1010)] * 8, stretch(50, 1090)), True),  # a round that something else disturbed
        (rounds(*[stretch(100, 1000, failed=1)] * 3), False),  # cheap and wrong
    ],
)
def test_the_median_of_the_rounds_decides(found, holds):
    """Throughput and processor time both have their target."""
    assert holds is found.holds


@pytest.mark.parametrize(
    "found", [rounds(stretch(100, 1000)), rounds(*(stretch(100, each) for each in (700, 1500, 1000)))]
)
def test_rounds_that_disagree_leave_the_word_to_the_pieces(found):
    """One round says nothing about how sure it is, and rounds that are far apart say that they are not."""
    assert 45 == found.extra_us
    assert found.unsure_us > MOST_US


@pytest.mark.parametrize(
    ("trouble", "holds"),
    [
        (Trouble("disk full", same=True, failed=0, dropped={"logs": 3}), True),  # lost lines are the point of it
        (Trouble("disk full", same=False, failed=0), False),
        (Trouble("disk full", same=True, failed=2), False),
    ],
)
def test_trouble_that_is_seen_in_an_answer_misses_the_target(trouble, holds):
    """Whatever telemetry cannot keep, customers do not meet it."""
    found = Overhead((rounds(*[stretch(100, 1000)] * 3),), (trouble,), {"count": 1.0}, 3)
    terminal = Console(width=200)
    with terminal.capture() as captured:
        print_overhead(terminal, record(found, at=utc_now()))

    assert holds is found.holds
    assert ("OTHER ANSWERS" not in captured.get()) is holds
    assert f"{MOST_US} µs" in captured.get()

"""`cubano bench run telemetry-overhead`: its short form, for what it says, what it promises and how it counts."""

import json

import pytest
from rich.console import Console

from service.bench.drive import Stretch
from service.bench.interval import Verdict, of_median
from service.bench.overhead import MOST_US, PATHS, Overhead, Pair, print_overhead, record
from service.bench.trouble import FULL, Trouble
from service.kernel.clock import utc_now
from tests.bench.test_bench import bench, left

pytestmark = pytest.mark.xdist_group("bench")


@pytest.mark.timeout(600)  # four starts of `serve`; half a minute on a quiet machine
def test_the_short_form_measures_everything(tmp_path):
    """Both paths with and without, every piece, and answers that no trouble of telemetry's changes; nothing is left of it."""
    process = bench("run", "telemetry-overhead", "--seconds", "1", "--json", cwd=tmp_path, mark=str(tmp_path))

    [told] = json.loads(process.stdout)
    assert "inconclusive" == told["verdict"], "one round tells nothing"
    assert 3 == process.returncode, process.stderr
    assert all(each["pieces_us"] > 0 and each["extra_us_between"] is None for each in told["paths"])
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


def stretch(cost_us: float, *, failed: int = 0) -> Stretch:
    return Stretch(1.0, 100, failed, [1.0], {"serve": 100 * cost_us / 1e6})


def rounds(*whole: Stretch, none_us: float = 10_000) -> Pair:
    return Pair("checkout", whole, (stretch(none_us),) * len(whole), {"count": 3.0}, pieces_us=45)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (rounds(*[stretch(10_000)] * 5), Verdict.HOLDS),
        (rounds(*[stretch(10_040)] * 5), Verdict.HOLDS),
        (rounds(*[stretch(10_060)] * 5), Verdict.MISSES),  # sixty microseconds
        (
            rounds(*[stretch(640)] * 5, none_us=600),
            Verdict.MISSES,
        ),  # forty, and more than six per cent of the throughput
        (rounds(*[stretch(10_010)] * 8, stretch(15_000)), Verdict.HOLDS),  # a round that something else disturbed
        (rounds(*(stretch(each) for each in (9_000, 9_800, 10_010, 10_030, 11_000))), Verdict.INCONCLUSIVE),
        (rounds(*[stretch(10_010)] * 4), Verdict.INCONCLUSIVE),  # too few to tell
        (rounds(*[stretch(9_000)] * 4, stretch(9_000, failed=1)), Verdict.MISSES),  # cheap and wrong
    ],
)
def test_the_median_of_the_rounds_decides_where_they_agree(found, verdict):
    """Throughput and processor time both have their target; an interval that holds the target says nothing."""
    assert verdict == found.verdict


def test_the_interval_of_a_median_holds_it_and_is_narrower_with_more_rounds():
    """It is where the median of other rounds would lie, and the same rounds always give the same."""
    few, many = [8.0, 9.0, 10.0, 11.0, 12.0], [8.0, 9.0, 10.0, 11.0, 12.0] * 8

    assert of_median(few).low <= 10 <= of_median(few).high
    assert of_median(many).high - of_median(many).low < of_median(few).high - of_median(few).low
    assert of_median(few) == of_median(few)


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
    found = Overhead((rounds(*[stretch(10_010)] * 5),), (trouble,), {"count": 1.0}, 3)
    terminal = Console(width=200)
    with terminal.capture() as captured:
        print_overhead(terminal, record(found, at=utc_now()))

    assert (Verdict.HOLDS if holds else Verdict.MISSES) == found.verdict
    assert ("OTHER ANSWERS" not in captured.get()) is holds
    assert f"{MOST_US} µs" in captured.get()

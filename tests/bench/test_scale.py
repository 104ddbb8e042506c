"""`cubano bench run history-scale`: its small form, for what it says and how it counts; never for its speed."""

import json

import pytest
from rich.console import Console

from service.bench.drive import Stretch
from service.bench.requests import READS
from service.bench.scale import MOST, Compared, print_compared, record
from service.kernel.clock import utc_now
from tests.bench.test_bench import bench, left

pytestmark = pytest.mark.xdist_group("bench")
SIZES = (1_000, 10_000)


def test_the_small_form_measures_everything(tmp_path):
    """Both festivals are made, every request is answered by the real application, and nothing is left of it."""
    words = ("run", "history-scale", "--orders", *map(str, SIZES), "--seconds", "1", "--json")

    process = bench(*words, cwd=tmp_path, mark=str(tmp_path))

    [told] = json.loads(process.stdout)
    assert process.returncode == (0 if told["holds"] else 1), process.stderr
    assert list(SIZES) == told["orders"]
    assert list(READS) == [each["what"] for each in told["requests"]]
    assert all(each["failed"] == 0 and each["answered"] > 0 and each["ratio"] > 0 for each in told["requests"])
    assert json.loads((tmp_path / ".cubano/bench/history.jsonl").read_text()) == told
    assert [] == left(str(tmp_path))


def stretches(*medians: float, failed: int = 0) -> tuple[Stretch, ...]:
    return tuple(Stretch(1.0, 3, failed, [1.0, each, 50.0]) for each in medians)


def compared(*many: float, failed: int = 0) -> Compared:
    return Compared("order look-up", stretches(2.0, 4.0, 2.0), stretches(*many, failed=failed))


@pytest.mark.parametrize(
    ("found", "ratio", "holds"),
    [
        (compared(2.0, 4.0, 2.0), 1.0, True),
        (compared(2.6, 40.0, 2.0), 1.3, True),  # the median of the rounds, each against its own neighbour
        (compared(2.7, 5.4, 2.7), 1.35, False),
        (compared(2.0, 4.0, 2.0, failed=1), 1.0, False),  # fast and wrong
    ],
)
def test_the_ratio_is_the_median_of_the_rounds(found, ratio, holds):
    """And decides, unless something was refused."""
    told = record([found], SIZES, at=utc_now())

    assert (pytest.approx(ratio), holds, holds) == (found.ratio, found.holds, told["holds"])


def test_the_table_says_whether_it_holds():
    """With the number it must not exceed."""
    terminal = Console(width=160)
    with terminal.capture() as captured:
        print_compared(terminal, record([compared(9.0, 9.0, 9.0)], SIZES, at=utc_now()))

    assert f"at most {MOST} times, no request refused: DOES NOT HOLD" in captured.get()
    assert "10,000 orders" in captured.get()

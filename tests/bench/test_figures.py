"""What is said of figures: targets beside them, the history over commits, and what a flash sale must not do. Nothing is measured here."""

import json

import pytest
from click.testing import CliRunner
from rich.console import Console

from service.bench import click as clicks
from service.bench import start
from service.bench.cli import bench as group
from service.bench.drive import Stretch
from service.bench.flash import SEATS, TOO_MANY, judge
from service.bench.history import changes, print_history, print_targets, read
from service.bench.requests import checkouts
from service.bench.targets import TARGETS, figures, judged, newest, sentences
from service.kernel.clock import utc_now

INGEST = {"benchmark": "webhook-ingest", "connections": 16, "at": "2027-01-01T00:00:00+00:00", "machine": {"cores": 2}}


def ingest(commit: str, ratio: float, **more) -> dict:
    return INGEST | {"commit": commit, "ratios": {"pgbench": ratio}, "measures": [{"rate": 1000 * ratio}]} | more


def shown(show, *arguments, **more) -> str:
    terminal = Console(width=200)
    with terminal.capture() as captured:
        show(terminal, *arguments, **more)
    return captured.get()


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        (ingest("a", 0.71), "0.71, holds"),
        (ingest("a", 0.69), "0.69, MISSES"),
        ({"benchmark": "click-to-ticket", "figures": {"p99 ms": 251.0}}, "251.00, MISSES"),
        ({"benchmark": "telemetry-overhead", "paths": [{"path": "checkout", "lost": 0.04}]}, "0.96, holds"),
    ],
)
def test_a_target_stands_beside_its_figure(told, verdict):
    """Held or missed, in one sentence."""
    [said] = sentences(told)

    assert said.endswith(verdict)


def test_what_was_not_measured_is_not_judged():
    """A reference that is not installed leaves no figure, and so no verdict."""
    assert [] == list(judged({"benchmark": "webhook-ingest", "ratios": {"psycopg loop": 3.0}}))


def test_the_worst_of_the_last_commit_is_what_a_target_is_told():
    """Not the best of many runs: a table of targets is no place to choose."""
    records = [ingest("old", 0.9), ingest("new", 0.5), ingest("new", 0.6, connections=64)]

    found = {target: (value, told.get("commit")) for target, value, told in newest(records)}

    assert (0.5, "new") == found[TARGETS[0]]
    assert all(value is None for target, (value, _) in found.items() if target is not TARGETS[0])
    assert "misses" in shown(print_targets, records)
    assert "not yet" in shown(print_targets, records)


def test_changes_are_told_between_what_was_measured_alike():
    """The same benchmark with as many connections on the same machine; nothing else is a change."""
    records = [
        ingest("a", 0.5),
        ingest("b", 0.8, connections=64),
        ingest("c", 0.6),
        ingest("d", 0.3, machine={"cores": 64}),
    ]

    ratios = [(told["commit"], change) for told, name, _, change in changes(records) if name == "of pgbench"]

    assert [("a", None), ("b", None), ("c", pytest.approx(0.2)), ("d", None)] == ratios
    assert "+20%" in shown(print_history, records, most=10)


def test_every_record_gives_figures():
    """Whatever benchmark made it: ratios, kept shares, costs, times."""
    told = ingest("a", 0.5)

    assert {"of pgbench": 0.5, "per second": 500} == figures(told)
    assert {"order look-up": 1.1} == figures({"requests": [{"what": "order look-up", "ratio": 1.1}]})


def test_the_history_is_read_from_its_file(tmp_path, monkeypatch):
    """`bench history` says so when nothing was measured, shows what was, and calls what is no history by its name."""
    monkeypatch.chdir(tmp_path)
    nothing = CliRunner().invoke(group, ["history"])
    place = tmp_path / ".cubano/bench/history.jsonl"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(ingest("abc", 0.5)) + "\n")
    something = CliRunner().invoke(group, ["history", "webhook-ingest"])
    place.write_text("nonsense\n")
    broken = CliRunner().invoke(group, ["history"])

    assert "nothing was measured yet" in nothing.output
    assert "abc" in something.output
    assert (1, True) == (broken.exit_code, "no history" in broken.output)
    assert [] == read(tmp_path / "none")


def sale(sold: int, refused: int, **others: int) -> Stretch:
    answers = {"201": sold, "409": refused, **{name.removeprefix("s"): count for name, count in others.items()}}
    return Stretch(1.0, sold, refused + sum(others.values()), [], {}, answers, 1.0)


@pytest.mark.parametrize(
    ("stretch", "left", "later", "wrong"),
    [
        (sale(SEATS, TOO_MANY), 0, 0, None),
        (sale(SEATS + 1, TOO_MANY - 1), -1, 0, "oversold"),
        (sale(SEATS - 1, TOO_MANY + 1), 1, 0, "refused while 1 seats were left"),
        (sale(SEATS, TOO_MANY), 0, 2, "2 seats were taken after"),
        (sale(SEATS, TOO_MANY - 1, s503=1), 0, 0, None),  # who is asked to come again was told nothing of seats
        (sale(SEATS, TOO_MANY - 1, s500=1), 0, 0, "no sale and no refusal"),
    ],
)
def test_the_last_seats_are_sold_once_and_all(stretch, left, later, wrong):
    """Not one too many, nobody sent away while there is one, and no answer but those two."""
    found = judge(stretch, left, later)

    assert [] == found if wrong is None else wrong in " ".join(found)


def test_buyers_apart_want_a_type_each():
    """What the hot type is measured against: the same requests, and no row that two of them want."""
    wishes = checkouts("127.0.0.1", 0, "", types=64)

    assert 64 == len({next(wishes).rpartition(b"\r\n")[2] for _ in range(128)})


def test_clicks_are_told_by_percentiles_and_by_where_the_time_went():
    """One who paid and saw no ticket makes the run a bad one."""
    bought = tuple(clicks.Bought(f"ord_{n}", 100.0, 100.0 + n / 1000) for n in range(1, 101))
    found = clicks.Clicks(40.0, 20.0, bought, 0, {"click to inbox": 12.0})

    told = clicks.record(found, at=utc_now())
    lost = clicks.record(clicks.Clicks(40.0, 20.0, bought, 1), at=utc_now())

    assert (True, False) == (told["holds"], lost["holds"])
    assert (50, 99) == pytest.approx((told["figures"]["p50 ms"], told["figures"]["p99 ms"]))
    assert "click to inbox 12 ms" in " ".join(clicks.sentences(told))
    assert "LOST: 1" in " ".join(clicks.sentences(lost))


def test_a_start_is_told_beside_the_least_that_answers():
    """Round by round, as both saw the same machine."""
    found = start.Started({"serve": [2.0, 6.0, 2.2], "work": [1.5, 3.0, 1.5], start.LEAST: [1.0, 3.0, 1.0]})

    told = start.record(found, at=utc_now())

    assert (2.2, 2.0, 1.5) == (
        told["figures"]["serve s"],
        told["figures"][f"serve of {start.LEAST}"],
        told["figures"][f"work of {start.LEAST}"],
    )
    assert "serve: ready after 2.20 s, 2.0 times the empty handler" in start.sentences(told)

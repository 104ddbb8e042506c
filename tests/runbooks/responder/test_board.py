"""What fires, heard from two sides: one alarm, one place on the board."""

from datetime import UTC, datetime, timedelta

from runbooks.engine.runs import RESOLVED, Alarm
from runbooks.responder.board import FORGET, FULL_FOR, MOST, MOST_OF_ONE, Board, Side

NOW = datetime(2027, 2, 13, 18, tzinfo=UTC)


def alarm(name="GatewayOutage", starts_at="2027-02-13T18:00:00+00:00", **more):
    return Alarm(name, {"severity": more.pop("severity", "critical")}, starts_at, **more)


def test_two_sides_tell_of_one_alarm():
    """Each counts its beginning differently; the first we heard stands."""
    board = Board()
    first = board.hear(alarm(starts_at="2027-02-13T17:58:00+00:00"), Side.PROMETHEUS, NOW)
    second = board.hear(alarm(), Side.ALERTMANAGER, NOW)

    assert first is second
    assert {Side.PROMETHEUS, Side.ALERTMANAGER} == set(second.told)
    assert "2027-02-13T17:58:00+00:00" == second.alarm.starts_at


def test_what_prometheus_leaves_out_is_over():
    """It decides; a repetition by Alertmanager does not keep an alarm that is gone."""
    board = Board()
    for side in Side:
        board.hear(alarm(), side, NOW)
    assert board.over(alarm(status=RESOLVED), Side.ALERTMANAGER, NOW) is None
    (gone,) = board.settle([], NOW)

    assert "GatewayOutage" == gone.alarm.name
    assert [] == board.all()


def test_without_prometheus_alertmanagers_word_counts():
    """A dead Prometheus: what Alertmanager says is over is over, what it says fires, fires."""
    board = Board()
    board.hear(alarm("A"), Side.ALERTMANAGER, NOW)
    board.hear(alarm("B"), Side.ALERTMANAGER, NOW)
    gone = board.over(alarm("A", status=RESOLVED), Side.ALERTMANAGER, NOW)

    assert "A" == gone.alarm.name
    assert ["B"] == [each.alarm.name for each in board.all()]


def test_what_nobody_repeats_is_forgotten():
    """Alertmanager repeats every hour what fires."""
    board = Board()
    board.hear(alarm(), Side.ALERTMANAGER, NOW)
    board.settle([], NOW + FORGET + timedelta(seconds=1))

    assert [] == board.all()


def test_the_worst_stands_first_and_the_heartbeat_nowhere():
    """Critical before warning, then the oldest; the watchdog only says that we hear."""
    board = Board()
    for each in (
        alarm("Warned", severity="warning"),
        alarm("Later", "2027-02-13T18:05:00+00:00"),
        alarm("Earlier"),
        alarm("Watchdog"),
    ):
        board.hear(each, Side.PROMETHEUS, NOW)

    assert ["Earlier", "Later", "Warned"] == [each.alarm.name for each in board.all()]
    assert board.beats


def storm(board, name, count):
    for number in range(count):
        board.hear(Alarm(name, {"i": str(number)}, "2027-02-13T18:00:00+00:00"), Side.ALERTMANAGER, NOW)


def test_a_storm_takes_no_place_from_what_has_a_playbook():
    """Neither one of alerts nobody knows nor one of another playbook's; and that somebody was left out is told."""
    board = Board({"GatewayOutage", "DatabaseDown"}.__contains__)
    storm(board, "Noise", MOST)
    storm(board, "DatabaseDown", MOST_OF_ONE)
    assert "" == board.left_out(NOW)

    assert board.hear(alarm("Noise"), Side.PROMETHEUS, NOW) is None
    assert board.hear(alarm("DatabaseDown"), Side.PROMETHEUS, NOW) is None
    assert board.hear(alarm(), Side.PROMETHEUS, NOW) is not None
    assert board.hear(alarm("Watchdog"), Side.PROMETHEUS, NOW) is not None
    assert "DatabaseDown" == board.left_out(NOW)
    assert "" == board.left_out(NOW + FULL_FOR)


def test_a_place_that_is_free_is_given_again():
    """What is over made room."""
    board = Board()
    storm(board, "Noise", MOST)
    board.over(Alarm("Noise", {"i": "7"}, "", RESOLVED), Side.ALERTMANAGER, NOW)

    assert board.hear(alarm(), Side.PROMETHEUS, NOW) is not None
    assert board.hear(alarm("Later"), Side.PROMETHEUS, NOW) is None

"""What Alertmanager tells gets in; what only pretends to be Alertmanager, or is no message, changes nothing and is written down."""

import json

import pytest

from runbooks.engine.runs import Alarm
from runbooks.responder.board import MOST, Side
from runbooks.responder.intake import MOST_BYTES, NoAlarmsError, read_alerts, read_group


def test_an_alert_becomes_one_run_however_often_it_is_told(responder):
    """Alertmanager repeats itself; there is one run, and it counts the repetitions."""
    first = responder.alert("LedgerImbalance")
    again = responder.alert("LedgerImbalance")

    assert (200, 200) == (first.status_code, again.status_code)
    (run,) = responder.runs()
    assert "LedgerImbalance" == run["playbook"]


@pytest.mark.parametrize("token", ["", "wrong", "a-token-of-alertmanager-with-some-lengtH"])
def test_a_forged_call_is_refused(responder, token):
    """Without its token nobody is Alertmanager."""
    answer = responder.alert("LedgerImbalance", token=token)

    assert answer.status_code == 401
    assert [] == responder.runs()


def test_an_operators_token_is_not_alertmanagers(responder):
    """Each token opens its own door only."""
    assert responder.alert("LedgerImbalance", token=responder.tokens["lead"]).status_code == 401


def test_a_body_of_ten_megabytes_is_refused(responder):
    """It is not even read to its end."""
    answer = responder.send(b"x" * 10_000_000)

    assert answer.status_code == 413
    assert [] == responder.runs()


# What arrives, and a word of why it is no message.
NO_MESSAGES = [
    (b"", "truncated"),
    (b"{}", "version"),
    (b"\xff\xfe", "malformed"),
    (b'{"version": "3", "alerts": []}', "version"),
    (b'{"version": "4", "alerts": [{"status": "firing", "labels": {}, "startsAt": "2027-02-13T18:00:00Z"}]}', "alertname"),
    (b'{"version": "4", "alerts": [{"status": "on", "labels": {}, "startsAt": "2027-02-13T18:00:00Z"}]}', "on"),
    (b'{"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "X"}, "startsAt": "0001-01-01T00:00:00Z"}]}', "no time"),
    (b'{"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "X"}, "startsAt": "9999-12-31T23:59:59-12:00"}]}', "no time"),
    (b'{"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": 7}, "startsAt": "2027-02-13T18:00:00Z"}]}', "str"),
    (b'{"version": "4", "alerts": [{"status": "firing", "labels": {"a b": "X"}, "startsAt": "2027-02-13T18:00:00Z"}]}', "regex"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "why"), NO_MESSAGES)
def test_what_is_no_message_is_refused_with_a_reason(body, why):
    """The whole of it: half a message is none."""
    with pytest.raises(NoAlarmsError, match=f"(?i){why}"):
        read_group(body)


def test_a_bad_message_is_written_down(responder):
    """Somebody with the token sends nonsense: that is worth a line."""
    answer = responder.send(b'{"version": "4"}')

    assert answer.status_code == 400
    assert ["alarm.refused"] == [each["kind"] for each in responder.journal() if each["kind"].startswith("alarm.")]


def test_an_unknown_alert_is_on_the_board_and_in_the_journal_and_nothing_is_done(responder):
    """Somebody made an alert without a playbook: the person on call sees it all the same."""
    assert responder.alert("NobodyWroteThis").status_code == 200
    responder.alert("NobodyWroteThis")

    responder.sign_in()
    assert "NobodyWroteThis" in responder.page("/")
    assert [] == responder.runs()
    assert 1 == [each["kind"] for each in responder.journal()].count("alarm.unknown")


def test_it_says_that_not_everything_is_on_the_board(responder):
    """A storm of more than it can hold is no reason to think that the rest is well."""
    station = responder.client.app.state.station
    for number in range(MOST + 1):
        alarm = Alarm("Noise", {"i": str(number)}, "2027-02-13T18:00:00+00:00")
        station.board.hear(alarm, Side.ALERTMANAGER, station.clock())

    assert any("The board is full" in each for each in station.deaf())


def test_the_first_page_shows_what_has_ended(responder):
    """Also a run that somebody stopped."""
    responder.alert("LedgerImbalance")
    (run,) = responder.runs()
    responder.client.post(f"/api/runs/{run['id']}/abort", json={}, headers=responder.as_("lead"))

    responder.sign_in()
    assert "Ended in the last day" in responder.page("/")
    assert "LedgerImbalance" in responder.page("/incidents")
    assert "post-mortem" in responder.page(f"/incidents/{run['id']}")


def test_resolved_ends_no_run(responder):
    """That Alertmanager says so proves nothing; the run goes on, and it is written down."""
    responder.alert("LedgerImbalance")
    before = responder.runs()[0]["state"]
    answer = responder.alert("LedgerImbalance", status="resolved")

    assert answer.status_code == 200
    (run,) = responder.runs()
    assert (before, True) == (run["state"], run["resolved"])


def test_prometheus_own_list_is_read_alike():
    """Pending is not firing yet; times become UTC."""
    told = [
        {"state": state, "labels": {"alertname": name}, "activeAt": "2027-02-13T11:00:00-07:00", "value": "1"}
        for state, name in (("firing", "A"), ("pending", "B"))
    ]

    assert [("A", "2027-02-13T18:00:00+00:00")] == [(each.name, each.starts_at) for each in read_alerts(told)]
    with pytest.raises(NoAlarmsError):
        read_alerts([{"state": "firing"}])


def test_a_message_has_a_limit():
    """More alerts than a system has are no message."""
    alert = {"status": "firing", "labels": {"alertname": "A"}, "startsAt": "2027-02-13T18:00:00Z"}

    assert MOST_BYTES < 10_000_000
    with pytest.raises(NoAlarmsError):
        read_group(json.dumps({"version": "4", "alerts": [alert] * 1001}).encode())

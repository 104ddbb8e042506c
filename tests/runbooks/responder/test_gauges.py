"""What the responder tells Prometheus about itself: whom it hears, and whether its journal is whole."""

import asyncio
import re

from runbooks.responder.gauges import Gauges


def shown(responder, name: str) -> list[float]:
    text = responder.client.app.state.station.telemetry.render()[0].decode()
    return [float(each) for each in re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)]


def look(responder) -> None:
    """What happens every five minutes."""
    found = Gauges(responder.client.app.state.station, None)
    asyncio.run(found.look(again_s=0))
    found.measure()


def test_it_tells_when_it_last_heard_of_alerts(responder):
    """Of those who told it anything."""
    assert [] == shown(responder, "cubano_runbook_heard_timestamp_seconds")

    responder.alert("GatewayOutage", provider="stripe")

    (at,) = shown(responder, "cubano_runbook_heard_timestamp_seconds")
    assert responder.client.app.state.station.began.timestamp() <= at


def test_journal_that_was_edited_is_a_fault_until_a_person_accepts_it(responder):
    """Also while it runs: it is read over, not only at its start."""
    responder.alert("GatewayOutage", provider="stripe")
    look(responder)
    whole = shown(responder, "cubano_runbook_journal_faults")

    with (responder.state / "journal.jsonl").open("r+b") as journal:  # in its place: it is being written meanwhile
        journal.seek(journal.read().index(b"GatewayOutage"))
        journal.write(b"GatewayStroll")
    look(responder)
    edited = shown(responder, "cubano_runbook_journal_faults")
    said = {"on": False, "reason": "it was me, and security knows"}
    responder.client.post("/api/passive", json=said, headers=responder.as_("lead"))
    look(responder)

    assert [0] == whole
    assert edited > [0]
    assert [0] == shown(responder, "cubano_runbook_journal_faults")

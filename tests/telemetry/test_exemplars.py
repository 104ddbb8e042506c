"""What a point of a graph names can be opened, and what went wrong is kept whatever the dice say."""

import re

import httpx

from service.telemetry.registry import Telemetry
from service.telemetry.tracing import Tracing
from tests.telemetry.memory import Memory
from tests.telemetry.small_site import create_site, serving

PARENT = "b7ad6b7169203331"


async def test_every_exemplar_names_a_trace_that_was_kept():
    """Half is sampled, a quarter crashes, strangers ask to be kept: what a graph points at can be opened, and no crash is lost."""
    kept = Memory()
    telemetry = Telemetry("serve", version="1", environment="test", tracer=Tracing(kept, ratio=0.5, seed=3))
    crashed = []
    async with serving(create_site(telemetry)) as url, httpx.AsyncClient(base_url=url) as client:
        for number in range(80):
            asked = {"traceparent": f"00-{number + 1:032x}-{PARENT}-01"} if number % 2 else {}
            answer = await client.get("/crash" if number % 4 == 0 else f"/orders/{number}", headers=asked)
            if answer.status_code == 500:
                crashed.append(answer.headers["traceresponse"].split("-")[1])

    text = telemetry.render("application/openmetrics-text; version=1.0.0")[0].decode()
    named = set(re.findall(r'# \{trace_id="([0-9a-f]{32})"\}', text))
    by_trace = {span.hex_trace_id: span for span in kept.spans}
    assert named
    assert named <= {trace for trace, span in by_trace.items() if span.attributes.get("exemplar")}
    assert set(crashed) <= set(by_trace)
    assert len(crashed) == 20

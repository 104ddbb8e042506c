"""`/health/live`, `/health/ready` and `/health/startup` of `cubano serve`, for whoever decides where traffic goes."""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from service.health import Health
from service.kernel.problem_docs import answered
from service.telemetry.exposition import Ping

FOR_PROBES = {
    "public": "asked by load balancers; says nothing of the inside",
    "unlimited": "a probe that is refused takes a healthy process out",
}
READY = {
    "status": "ready",
    "process": "serve",
    "pings": [{"name": "database", "ok": True, "detail": "", "seconds": 0.002}],
}


@get(
    "/health/live",
    summary="Is the process alive",
    tags=["Health"],
    opt=FOR_PROBES,
    responses=answered(200, dict[str, str], {"status": "live", "process": "serve"}, "It is"),
)
async def live() -> dict[str, str]:
    """Answers as long as the event loop turns."""
    return {"status": "live", "process": "serve"}


@get(
    "/health/ready",
    summary="May it be sent traffic",
    tags=["Health"],
    opt=FOR_PROBES,
    responses={
        **answered(200, dict[str, Any], READY, "It may"),
        **answered(503, dict[str, Any], READY | {"status": "not_ready"}, "It may not; `pings` say why"),
    },
)
async def ready(health: NamedDependency[Health]) -> Response[dict[str, Any]]:
    """A list of named pings; 503 when one of them fails."""
    return _told(await health.pings(), "ready")


@get(
    "/health/startup",
    summary="Has it begun",
    tags=["Health"],
    opt=FOR_PROBES,
    responses={
        **answered(200, dict[str, Any], READY | {"status": "started"}, "It has, and is not asked again"),
        **answered(503, dict[str, Any], READY | {"status": "not_started"}, "Not yet; `pings` say what is missing"),
    },
)
async def startup(health: NamedDependency[Health]) -> Response[dict[str, Any]]:
    """What must have been true once before there is any traffic: the schema is this build's, the switches were read."""
    return _told(await health.startup(), "started")


def _told(pings: list[Ping], status: str) -> Response[dict[str, Any]]:
    fine = all(ping.ok for ping in pings)
    body = {"status": status if fine else f"not_{status}", "process": "serve", "pings": pings}
    return Response(body, status_code=200 if fine else 503, headers={"Cache-Control": "no-store"})


PROBES = (live, ready, startup)

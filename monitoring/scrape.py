"""What Prometheus reads, how often, and where it sends alerts."""

from collections.abc import Mapping, Sequence
from typing import Any

from monitoring.durations import Scale

Targets = Mapping[str, Sequence[str]]

# One process, one port, one target; the ports are the defaults of the settings.
LOCAL: Targets = {
    "serve": ("127.0.0.1:9101",),
    "work": ("127.0.0.1:9102",),
    "respond": ("127.0.0.1:9103",),
    "emulate": ("127.0.0.1:9104",),
    "prometheus": ("127.0.0.1:9090",),
    "alertmanager": ("127.0.0.1:9093",),
}
# A gateway that fails is known within half a minute: its breaker, a look at it, a rule, and `for` take their time one after the other.
EVERY = "5s"
LOCAL_ALERTMANAGER = "127.0.0.1:9093"


def config(
    scale: Scale, targets: Targets = LOCAL, alertmanager: str = LOCAL_ALERTMANAGER, *, looked_up: Targets | None = None
) -> dict[str, Any]:
    """prometheus.yml; the rules lie beside it in `rules/`. An empty `alertmanager`: alerts are computed and sent nowhere.

    What is `looked_up` by its name is a target only while somebody bears that name.
    """
    found: dict[str, Any] = {
        "global": {
            "scrape_interval": scale.duration(EVERY),
            "scrape_timeout": scale.duration(EVERY),
            "evaluation_interval": scale.duration(EVERY),
        },
        "rule_files": ["rules/*.yml"],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": list(addresses)}]} for job, addresses in targets.items()
        ]
        + [
            {"job_name": job, "dns_sd_configs": [_lookup(address) for address in addresses]}
            for job, addresses in (looked_up or {}).items()
        ],
    }
    if alertmanager:
        found["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    return found


def _lookup(address: str) -> dict[str, Any]:
    name, _, port = address.rpartition(":")
    return {"names": [name], "type": "A", "port": int(port), "refresh_interval": "30s"}

"""The containers of docker-compose.yml as Prometheus and Alertmanager reach them: by name, one target a container and job.

What is behind a profile is looked up instead of listed: a container that was never wanted is no target that is down.
"""

from monitoring.scrape import Targets

FOLDER = "monitoring/compose"

TARGETS: Targets = {
    "serve": ("serve-1:9101", "serve-2:9101"),
    "work": ("work:9102",),
    "respond": ("respond:9103",),
    "postgres": ("postgres-exporter:9187",),
    "proxy": ("proxy:8404",),
    "prometheus": ("prometheus:9090",),
    "alertmanager": ("alertmanager:9093",),
    "grafana": ("grafana:3000",),
    "tempo": ("tempo:3200",),
    "loki": ("loki:3100",),
    "otel-collector": ("otel-collector:8888",),
}
LOOKED_UP: Targets = {"emulate": ("emulate:9104",)}
RESPONDER = "http://respond:8300/alertmanager"
TOKEN_FILE = "/respond-token/alertmanager"  # noqa: S105 - where the responder leaves what it wants to be called with
ALERTMANAGER = "alertmanager:9093"
SMTP = "mail:1025"

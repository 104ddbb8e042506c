"""What is marked on every chart: processes that started, which is what a deploy looks like, and switches operators moved."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import common

from monitoring import signals
from monitoring.signals import STARTED
from service.telemetry import catalogue

STARTS = f"max by (process, version) ({STARTED} * 1000 * on (job, instance) group_right () {catalogue.BUILD_INFO.name})"
MOVED = f"{signals.most(catalogue.CONTROL, 'control')} > 0"


def deploys(source: common.DataSourceRef) -> dashboard.AnnotationQuery:
    """One mark a process and start, at the moment it started."""
    marked = _mark("Deploys and restarts", STARTS, "blue").use_value_for_time(True)
    return marked.datasource(source).title_format("start").text_format("{{process}} {{version}}")


def changes(source: common.DataSourceRef) -> dashboard.AnnotationQuery:
    """One mark for as long as a switch is not in its normal position."""
    marked = _mark("Switches not in their normal position", MOVED, "purple")
    return marked.datasource(source).title_format("switch").text_format("{{control}}").step("15s")


def _mark(name: str, expr: str, colour: str) -> dashboard.AnnotationQuery:
    return dashboard.AnnotationQuery().name(name).enable(True).icon_color(colour).expr(expr)

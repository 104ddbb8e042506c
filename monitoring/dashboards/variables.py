"""What the reader of a page may choose; a page has exactly the choices its text uses."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models

from monitoring.dashboards.panels import Page
from service.telemetry import catalogue
from service.telemetry.metric import Metric

_CHOICES: dict[str, tuple[str, Metric]] = {
    "provider": ("Provider", catalogue.CHECKOUTS),
    "ticket_type": ("Ticket type", catalogue.STOCK),
}
_SOURCES = {"traces": "tempo", "logs": "loki"}
PLAYBOOKS_AT = "/public/playbooks"  # runbooks/playbooks, as the compose file lays it into Grafana's own files


def variables(page: Page) -> list[Builder[models.VariableModel]]:
    """In the order in which they stand above the page."""
    text = repr(page)
    found: list[Builder[models.VariableModel]] = []
    found.append(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    found += [_choice(name) for name in _CHOICES if f"${name}" in text]
    for name, kind in _SOURCES.items():
        if f"${{{name}}}" in text or f"$%7B{name}" in text:
            source = dashboard.DatasourceVariable(name).label(name.capitalize()).type(kind)
            found.append(source.hide(models.VariableHide.HIDE_VARIABLE))
    if "${playbooks}" in text:
        place = dashboard.TextBoxVariable("playbooks").label("Playbooks are read at").default_value(PLAYBOOKS_AT)
        current = models.VariableOption(selected=True, text=PLAYBOOKS_AT, value=PLAYBOOKS_AT)
        found.append(place.current(current).hide(models.VariableHide.HIDE_VARIABLE))
    return found


def _choice(name: str) -> dashboard.QueryVariable:
    label, metric = _CHOICES[name]
    query = f"label_values({metric.name}, {name})"
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(common.DataSourceRef(type_val="prometheus", uid="${datasource}"))
        .query(query)
        .definition(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(models.VariableOption(selected=True, text="All", value="$__all"))
    )

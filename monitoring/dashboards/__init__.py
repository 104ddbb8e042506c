"""The dashboards, one file an audience; `files()` is what lies in grafana/.

To add one: a module with `page()`, a line in `pages()`. Whoever calls `files()` needs the development tools: the JSON is
made by Grafana's own SDK, which is not part of the service.
"""

import warnings

from monitoring.dashboards import (
    database,
    errors,
    experience,
    gateways,
    oncall,
    payments,
    queues,
    revenue,
    slos,
)
from monitoring.dashboards.panels import Page
from monitoring.dashboards.provisioning import provisioning


def pages() -> tuple[Page, ...]:
    """All of them, the on-call home first."""
    modules = (oncall, payments, experience, errors, slos, gateways, queues, database, revenue)
    return tuple(module.page() for module in modules)


def files() -> dict[str, str]:
    """What `cubano monitor build` writes under grafana/, by path from the project's root."""
    with warnings.catch_warnings():
        # The SDK prefers its new form of a dashboard, which Grafana before 12 does not read.
        warnings.filterwarnings("ignore", "Prefer using", DeprecationWarning)
        from monitoring.dashboards.grafana import text_of  # noqa: PLC0415 - a development tool: see above

    every = pages()
    return {**{f"grafana/dashboards/{page.uid}.json": text_of(page, every) for page in every}, **provisioning()}

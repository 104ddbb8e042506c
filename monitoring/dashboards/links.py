"""Where one gets from a panel: to the next dashboard, to traces and logs of the same minutes, to a playbook.

Nothing names a data source: the page's variables do, and provisioning sets them. Playbooks are read at an address of the
operator's choice, which is a variable too.
"""

import json
from urllib.parse import quote

from monitoring.dashboards.panels import Link

_HERE = {"from": "${__from}", "to": "${__to}"}
_KEPT = ("${__from}", "${__to}", "${traces}", "${logs}")
PLAYBOOKS = "${playbooks}"
OURS = "cubano"  # service.namespace of everything we send


def dashboard(uid: str, title: str) -> Link:
    """Another page, with the same time and variables."""
    return Link(title, f"/d/{uid}?${{__url_time_range}}&${{__all_variables}}")


def playbook(alert: str) -> Link:
    """What to do when an alert fires."""
    return Link(f"Playbook: {alert}", f"{PLAYBOOKS}/{alert}.md")


def traces(title: str, *conditions: str) -> Link:
    """Traces of the time shown that fit all conditions (TraceQL)."""
    wanted = " && ".join((f'resource.service.namespace = "{OURS}"', *conditions))
    return Link(title, _explore("${traces}", {"queryType": "traceql", "query": f"{{ {wanted} }}"}))


def logs(title: str, condition: str) -> Link:
    """Log lines of the time shown that fit a condition (LogQL, after `| json`)."""
    return Link(title, _explore("${logs}", {"expr": f'{{service_name=~"{OURS}-.+"}} | json | {condition}'}))


def _explore(source: str, query: dict[str, str]) -> str:
    pane = {"datasource": source, "queries": [{"refId": "A", **query}], "range": _HERE}
    text = quote(json.dumps({"a": pane}, separators=(",", ":")), safe="")
    for variable in _KEPT:  # Grafana fills them in, so they stand as they are
        text = text.replace(quote(variable, safe=""), variable)
    return f"/explore?schemaVersion=1&panes={text}"


FAULTS = logs("Log lines of errors", 'level = "error"')
FAILED = traces("Traces that failed", "status = error")

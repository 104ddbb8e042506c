"""The router of `/api/ops`: the only way in for people on call and for the responder."""

from litestar import Router

from service.acts.api import JsonRequest
from service.switches.api import delete_switch, get_routing, get_switch, list_switches, put_switch

SWITCHES = (list_switches, get_switch, put_switch, delete_switch, get_routing)


def create_ops() -> Router:
    """All routes of operators; who may pass stands with each of them."""
    return Router("/api/ops", route_handlers=[*SWITCHES], request_class=JsonRequest)

"""The router of `/api/ops`: the only way in for people on call and for the responder."""

from litestar import Router

from service.acts.api import JsonRequest
from service.inbox.api import discard_event, get_event, list_events, replay_event, replay_events, sweep_inbox
from service.outbox.api import discard_message, list_messages, retry_message
from service.switches.api import delete_switch, get_routing, get_switch, list_switches, put_switch

SWITCHES = (list_switches, get_switch, put_switch, delete_switch, get_routing)
INBOX = (list_events, get_event, replay_event, discard_event, replay_events, sweep_inbox)
OUTBOX = (list_messages, retry_message, discard_message)


def create_ops() -> Router:
    """All routes of operators; who may pass stands with each of them."""
    return Router("/api/ops", route_handlers=[*SWITCHES, *INBOX, *OUTBOX], request_class=JsonRequest)

"""Everything a playbook may read and do, in one list: a noun's module is entered here and nowhere else."""

from runbooks.actions import (
    access,
    backups,
    books,
    checkout,
    database,
    gateway,
    inbox,
    monitoring,
    orders,
    outbox,
    sessions,
    switches,
    webhooks,
)
from runbooks.engine.registry import Registry

_READING = (gateway, switches, inbox, outbox, orders, checkout, webhooks, database, books, access, monitoring, backups)
_ACTING = (gateway, switches, inbox, outbox, orders, checkout, sessions, webhooks, books, monitoring, backups)


def create_registry() -> Registry:
    """The registry of this installation."""
    reads = (entry for module in _READING for entry in module.READS)
    actions = (entry for module in _ACTING for entry in module.ACTIONS)
    return Registry(reads, actions)

"""Alembic's entry: the connection comes from `run.migrate`, the tables from `service.parts`."""

from alembic import context

from service.parts import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, compare_type=True, compare_server_default=True)
with context.begin_transaction():
    context.run_migrations()

"""The schema's history, as Alembic revisions: expand first, contract a release later, so that two releases can run side by side."""

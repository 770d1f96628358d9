"""Runs the migrations on the connection that `sync.store.migrate` hands in."""

from alembic import context

from sync.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
)
context.run_migrations()

"""Runs the migrations on the connection that `woo_sync_pipeline.state.database` hands over."""

from alembic import context

from woo_sync_pipeline.state.database import SCHEMA

context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema=SCHEMA,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()

"""Alerts that a receiver has not taken yet; and when each receiver, not just somebody, was last told of a trouble."""

from alembic import op

from woo_sync_pipeline.state.statements import beside

revision, down_revision = "0009", "0008"
SQL = beside(__file__)


def upgrade() -> None:
    """Make the table of what is to be delivered, and note from now on who was told."""
    op.execute(SQL["upgrade"])


def downgrade() -> None:
    """Drop the table; who was told is not known any more."""
    op.execute(SQL["downgrade"])

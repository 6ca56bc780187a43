"""Choices as intervals of time, what answers a STOP, and the ledger of consent."""

from alembic import op

from woo_sync_pipeline.state.statements import beside

revision, down_revision = "0010", "0009"
SQL = beside(__file__)


def upgrade() -> None:
    """Change the tables; of what is known the times become as wide as they have to be."""
    op.execute(SQL["upgrade"])


def downgrade() -> None:
    """Make the tables as they were; the ledger is lost."""
    op.execute(SQL["downgrade"])

"""The phones that a record had before: what is kept under them belongs to the same person."""

from alembic import op

from woo_sync_pipeline.state.statements import beside

revision, down_revision = "0013", "0011"
SQL = beside(__file__)


def upgrade() -> None:
    """Make the table, and fill it with what the ledger of consent knows."""
    op.execute(SQL["upgrade"])


def downgrade() -> None:
    """Forget the former phones."""
    op.execute(SQL["downgrade"])

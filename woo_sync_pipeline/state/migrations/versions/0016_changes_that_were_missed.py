"""Up to which id orders have been met, who was erased in a store, and all roles of users."""

from alembic import op

from woo_sync_pipeline.state.statements import beside

revision, down_revision = "0016", "0015"
SQL = beside(__file__)


def upgrade() -> None:
    """Add columns and a table; of earlier readings nothing of it is known."""
    op.execute(SQL["upgrade"])


def downgrade() -> None:
    """Drop the column."""
    op.execute(SQL["downgrade"])

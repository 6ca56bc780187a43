"""When the reading began that a sync committed."""

from alembic import op

from woo_sync_pipeline.state.statements import beside

revision, down_revision = "0008", "0007"
SQL = beside(__file__)


def upgrade() -> None:
    """Add the column; of earlier readings it is not known."""
    op.execute(SQL["upgrade"])


def downgrade() -> None:
    """Drop the column."""
    op.execute(SQL["downgrade"])

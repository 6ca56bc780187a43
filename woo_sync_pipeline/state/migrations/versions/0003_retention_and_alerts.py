"""Days that syncs of long ago have covered, and when somebody was last told of a trouble."""

from alembic import op

from woo_sync_pipeline.state.statements import beside

revision, down_revision = "0003", "0001"
SQL = beside(__file__)


def upgrade() -> None:
    """Create both tables."""
    op.execute(SQL["upgrade"])


def downgrade() -> None:
    """Drop both tables."""
    op.execute(SQL["downgrade"])

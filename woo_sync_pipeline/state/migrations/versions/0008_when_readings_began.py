"""When the reading began that a sync committed."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of earlier readings it is not known."""
    op.execute("""
        ALTER TABLE woo_sync.sync_runs ADD COLUMN reading_started_at timestamptz;
        COMMENT ON COLUMN woo_sync.sync_runs.reading_started_at IS
            'when what this sync committed began to be read, which an earlier run may have done';
    """)


def downgrade() -> None:
    """Drop the column."""
    op.execute("ALTER TABLE woo_sync.sync_runs DROP COLUMN reading_started_at")

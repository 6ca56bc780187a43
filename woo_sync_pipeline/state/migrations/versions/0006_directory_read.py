"""When the whole directory of the platform was last looked through."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE woo_sync.sync_runs ADD COLUMN directory_read_at timestamptz")
    op.execute(
        "COMMENT ON COLUMN woo_sync.sync_runs.directory_read_at IS"
        " 'when this sync began to read the whole directory of the platform to see who unsubscribed there;"
        " null: it did not'"
    )


def downgrade() -> None:
    """Drop the column."""
    op.execute("ALTER TABLE woo_sync.sync_runs DROP COLUMN directory_read_at")

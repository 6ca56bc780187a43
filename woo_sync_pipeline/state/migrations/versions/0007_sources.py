"""What merging must know of a source, kept for the time in which its configuration cannot be read."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, with what is not known yet of the sources that have records."""
    op.execute("""
        CREATE TABLE woo_sync.sources (
            source text PRIMARY KEY,
            name text,
            is_explicit boolean,
            name_format text
        );
        COMMENT ON TABLE woo_sync.sources IS
            'each source as it was configured at its latest commit; nulls: there was none since this table exists';
        INSERT INTO woo_sync.sources (source)
        SELECT DISTINCT source FROM woo_sync.sync_runs WHERE committed_at IS NOT NULL;
    """)


def downgrade() -> None:
    """Drop the table."""
    op.execute("DROP TABLE woo_sync.sources")

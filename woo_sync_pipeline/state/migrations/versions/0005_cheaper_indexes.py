"""Indexes of contacts that cost less to keep."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index pending contacts by one value, which takes next to no space; drop what no query uses."""
    op.execute("DROP INDEX woo_sync.contacts_sources")
    op.execute("DROP INDEX woo_sync.contacts_pending")
    op.execute("CREATE INDEX contacts_pending ON woo_sync.contacts (is_pending) WHERE is_pending")


def downgrade() -> None:
    """Make the indexes as they were."""
    op.execute("DROP INDEX woo_sync.contacts_pending")
    op.execute("CREATE INDEX contacts_pending ON woo_sync.contacts (phone) WHERE is_pending")
    op.execute("CREATE INDEX contacts_sources ON woo_sync.contacts USING gin (sources)")

"""Source records, contacts, lists, products and the history of syncs."""

from alembic import op

from woo_sync_pipeline.state.statements import beside

revision, down_revision = "0001", None
SQL = beside(__file__)


def upgrade() -> None:
    """Create all tables."""
    op.execute(SQL["upgrade"])


def downgrade() -> None:
    """Drop all tables."""
    op.execute(SQL["downgrade"])

"""What merging must know of a source, kept for the time in which its configuration cannot be read."""

from alembic import op

from woo_sync_pipeline.state.statements import beside

revision, down_revision = "0007", "0006"
SQL = beside(__file__)


def upgrade() -> None:
    """Make the table, with what is not known yet of the sources that have records."""
    op.execute(SQL["upgrade"])


def downgrade() -> None:
    """Drop the table."""
    op.execute(SQL["downgrade"])

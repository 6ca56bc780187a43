"""When the whole directory of the platform was last looked through."""

from alembic import op

from woo_sync_pipeline.state.statements import beside

revision, down_revision = "0006", "0005"
SQL = beside(__file__)


def upgrade() -> None:
    """Add the column."""
    op.execute(SQL["upgrade"])


def downgrade() -> None:
    """Drop the column."""
    op.execute(SQL["downgrade"])

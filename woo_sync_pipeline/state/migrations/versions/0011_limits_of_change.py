"""What limits of change need: who left, what was lost on the platform, how a source was configured, who let it pass."""

from alembic import op

from woo_sync_pipeline.state.statements import beside

revision, down_revision = "0011", "0010"
SQL = beside(__file__)


def upgrade() -> None:
    """Change the tables."""
    op.execute(SQL["upgrade"])


def downgrade() -> None:
    """Make the tables as they were."""
    op.execute(SQL["downgrade"])

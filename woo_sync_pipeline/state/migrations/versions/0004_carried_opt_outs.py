"""Opt-outs that go with a person to another phone."""

from alembic import op

from woo_sync_pipeline.state.statements import beside

revision, down_revision = "0004", "0003"
SQL = beside(__file__)


def upgrade() -> None:
    """Add the column."""
    op.execute(SQL["upgrade"])


def downgrade() -> None:
    """Drop the column."""
    op.execute(SQL["downgrade"])

"""Records whose choice may stand in a list or an object, which is read from now on, are read anew."""

from alembic import op

from woo_sync_pipeline.state.statements import beside

revision, down_revision = "0015", "0013"
SQL = beside(__file__)


def upgrade() -> None:
    """Let the next reading take these records for changed, and what it finds in them for no change."""
    op.execute(SQL["upgrade"])


def downgrade() -> None:
    """Nothing: the older version reads these records anew as well, and understands less of them."""

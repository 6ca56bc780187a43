"""Records of any kind of source: ids that are texts, persons and what belongs to them, things whose tags they get."""

from alembic import op

from woo_sync_pipeline.state.statements import beside

revision, down_revision = "0017", "0016"
SQL = beside(__file__)


def upgrade() -> None:
    """Change the tables; hashes stay, so that nothing is read anew."""
    op.execute(SQL["upgrade"])


def downgrade() -> None:
    """Make the tables as they were; what only newer kinds of sources have is lost."""
    op.execute(SQL["downgrade"])

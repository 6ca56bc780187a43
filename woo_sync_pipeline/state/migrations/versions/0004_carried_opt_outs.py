"""Opt-outs that go with a person to another phone."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE woo_sync.source_records ADD COLUMN carried_opt_out_at timestamptz")
    op.execute(
        "COMMENT ON COLUMN woo_sync.source_records.carried_opt_out_at IS"
        " 'when the person opted out under an earlier phone of this record: an older choice subscribes no later"
        " phone; null: never'"
    )


def downgrade() -> None:
    """Drop the column."""
    op.execute("ALTER TABLE woo_sync.source_records DROP COLUMN carried_opt_out_at")

"""Up to which id the orders of a store have been met."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of earlier readings it is not known."""
    op.execute("""
        ALTER TABLE woo_sync.sync_runs ADD COLUMN last_order_id bigint;
        COMMENT ON COLUMN woo_sync.sync_runs.last_order_id IS
            'the id up to which all orders have been met, whatever their dates; null: not known';
        COMMENT ON COLUMN woo_sync.source_records.gone_at IS
            'when a complete reading of the customers first lacked it, or the store first said that it is gone';
    """)


def downgrade() -> None:
    """Drop the column."""
    op.execute("ALTER TABLE woo_sync.sync_runs DROP COLUMN last_order_id")

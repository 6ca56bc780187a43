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
        COMMENT ON COLUMN woo_sync.source_records.phone IS
            'E.164; null when invalid_reason says why, unless a customer without a phone has that of an own order';
        -- Customers who can have the phone of an order are read anew, and get it.
        UPDATE woo_sync.source_records AS customer SET hash = ''
        WHERE record_type = 'customer' AND invalid_reason = 'missing_phone' AND gone_at IS NULL AND EXISTS (
            SELECT FROM woo_sync.source_records AS buying
            WHERE buying.source = customer.source AND buying.record_type = 'order' AND buying.phone IS NOT NULL
                AND buying.customer_id = customer.record_id AND buying.customer_id <> 0
        );
        COMMENT ON COLUMN woo_sync.source_records.gone_at IS
            'when a complete reading of the customers first lacked it, or the store first said that it is gone';
    """)


def downgrade() -> None:
    """Drop the column."""
    op.execute("""
        UPDATE woo_sync.source_records SET phone = NULL, hash = '' WHERE invalid_reason = 'missing_phone';
        ALTER TABLE woo_sync.sync_runs DROP COLUMN last_order_id;
    """)

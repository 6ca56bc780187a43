"""Alerts that a receiver has not taken yet; and when each receiver, not just somebody, was last told of a trouble."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of what is to be delivered, and note from now on who was told."""
    op.execute("""
        CREATE TABLE woo_sync.alerts_to_deliver (
            source text NOT NULL,
            condition text NOT NULL,
            receiver text NOT NULL,
            message jsonb NOT NULL,
            happened_at timestamptz NOT NULL,
            failures integer NOT NULL DEFAULT 0,
            next_try_at timestamptz NOT NULL,
            claimed_until timestamptz NOT NULL,
            PRIMARY KEY (source, condition, receiver)
        );
        COMMENT ON TABLE woo_sync.alerts_to_deliver IS
            'the latest alert of each condition of a source that a receiver has not taken yet; nothing personal';
        COMMENT ON COLUMN woo_sync.alerts_to_deliver.claimed_until IS
            'until then a process may be delivering it; past: nobody is';
    """)
    _key_alerts_by("source, condition, receiver", change="ADD COLUMN receiver text NOT NULL")
    op.execute(
        "COMMENT ON TABLE woo_sync.alerts IS 'when a receiver was last told of a condition of a source'"
    )


def downgrade() -> None:
    """Drop the table; who was told is not known any more."""
    op.execute("DROP TABLE woo_sync.alerts_to_deliver")
    _key_alerts_by("source, condition", change="DROP COLUMN receiver")
    op.execute("COMMENT ON TABLE woo_sync.alerts IS 'when somebody was last told of a condition of a source'")


def _key_alerts_by(columns: str, *, change: str) -> None:
    # What it holds cannot be told in the other form, and matters for an hour: at worst a trouble is told once more.
    op.execute("DELETE FROM woo_sync.alerts")
    op.execute("ALTER TABLE woo_sync.alerts DROP CONSTRAINT alerts_pkey")
    op.execute(f"ALTER TABLE woo_sync.alerts {change}")
    op.execute(f"ALTER TABLE woo_sync.alerts ADD PRIMARY KEY ({columns})")

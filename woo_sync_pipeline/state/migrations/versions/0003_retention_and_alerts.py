"""Days that syncs of long ago have covered, and when somebody was last told of a trouble."""

from alembic import op

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None

COVERED_DAYS = """
CREATE TABLE woo_sync.covered_days (
    source text NOT NULL,
    day date NOT NULL,
    PRIMARY KEY (source, day)
);
COMMENT ON TABLE woo_sync.covered_days IS
    'days that daily syncs have covered which are no longer in sync_runs: the schedule need not ask for them';
CREATE INDEX sync_runs_started ON woo_sync.sync_runs (started_at);
"""

ALERTS = """
CREATE TABLE woo_sync.alerts (
    source text NOT NULL,
    condition text NOT NULL,
    sent_at timestamptz NOT NULL,
    PRIMARY KEY (source, condition)
);
COMMENT ON TABLE woo_sync.alerts IS 'when somebody was last told of a condition of a source';
"""


def upgrade() -> None:
    """Create both tables."""
    op.execute(COVERED_DAYS)
    op.execute(ALERTS)


def downgrade() -> None:
    """Drop both tables."""
    op.execute("DROP TABLE woo_sync.alerts")
    op.execute("DROP TABLE woo_sync.covered_days")
    op.execute("DROP INDEX woo_sync.sync_runs_started")

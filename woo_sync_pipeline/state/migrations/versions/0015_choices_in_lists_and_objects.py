"""Records whose choice may stand in a list or an object, which is read from now on, are read anew."""

from alembic import op

revision = "0015"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the next reading take these records for changed, and what it finds in them for no change."""
    # A yes that could not be read until now was not said since the last reading: it can be as old as anything.
    op.execute("""
        UPDATE woo_sync.source_records
        SET hash = '', consent_basis = consent_basis || ' (without lists and objects)'
        WHERE consent_basis <> '' AND (
            consent_answers LIKE '%"unknown"%'
            OR (consent_answers IS NULL AND consent = 'unknown' AND consent_key <> '')
        )
    """)


def downgrade() -> None:
    """Nothing: the older version reads these records anew as well, and understands less of them."""

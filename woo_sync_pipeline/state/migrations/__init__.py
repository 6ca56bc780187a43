"""Alembic migrations of the state schema."""

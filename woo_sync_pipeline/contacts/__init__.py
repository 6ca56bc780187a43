"""Turning store records into contacts: pure functions. Imports no Dagster and no HTTP."""

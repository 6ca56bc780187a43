"""Telling people that a sync failed or ended with errors. Imports no Dagster."""

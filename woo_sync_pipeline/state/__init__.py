"""The PostgreSQL state of the synchronisation. Imports no Dagster."""

"""What happened in a sync, as tables and text. Imports no Dagster."""

"""`woo_sync.yaml`: its document, its values, what is refused of it. Imports no Dagster."""

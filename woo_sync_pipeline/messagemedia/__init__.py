"""Reading and writing the MessageMedia contact directory. Imports no Dagster."""

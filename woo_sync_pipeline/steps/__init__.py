"""The steps of one sync in plain Python: what to read, what to commit, what to push. Imports no Dagster."""

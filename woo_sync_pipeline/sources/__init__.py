"""Where contacts come from: one folder for each kind of source. Imports no Dagster."""

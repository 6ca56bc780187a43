"""What every HTTP client shares: pace, bounds of answers, certificates. Imports no Dagster."""

"""All of Dagster: assets, checks, jobs, schedules, sensors, and the decisions behind them."""

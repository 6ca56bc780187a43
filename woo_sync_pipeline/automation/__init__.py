"""Partitions, jobs, schedules, sensors and the decisions behind them."""

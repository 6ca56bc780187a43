"""Dagster assets: thin decorators around the domain folders."""

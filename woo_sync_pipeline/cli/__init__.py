"""The command line."""

from woo_sync_pipeline.cli.commands import cli, main

__all__ = ["cli", "main"]

"""The command line. What takes long to import is imported where it is used, so that `--help` need not wait."""

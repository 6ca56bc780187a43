"""The page `docs/errors.md`: every way in which a store cannot be read, out of the error classes themselves."""

from __future__ import annotations

import sys

from woo_sync_pipeline.sources.error_table import error_table, errors_in
from woo_sync_pipeline.sources.woocommerce import errors
from woo_sync_pipeline.sources.woocommerce.errors import StoreError

_TOP = """\
# When a store cannot be read

`woo-sync check` tries every store and prints one line for each; a sync that fails shows the same text in the Dagster
UI, with the name of the error. Nothing is ever concluded from a failed reading: what was read before stays, and the
next sync goes on from there.

Errors that may pass by themselves are tried again, five times in all, with growing pauses or after the time that the
store asks for (up to two minutes), while the store is asked less at a time. Only then does the sync fail.

What cannot work is refused before any request: what is no address, a key with blanks in it, a CA file that
cannot be read.

A PHP notice or a byte order mark before the JSON of an answer does no harm, nor does an HTML comment behind it, nor
letters that are no UTF-8: the answer is read and counted, and `woo-sync check` warns of it. Of what a plugin or a
firewall says in place of JSON, or before it, only a message of PHP (which names the plugin's file and line) or the
title of a page is shown, for all else may be about a person.

"""


def error_page() -> str:
    """The whole page as Markdown, one row for each subclass of StoreError."""
    return _TOP + error_table(store_errors())


def store_errors() -> list[type[StoreError]]:
    """Every subclass of StoreError, in the order of their definition."""
    return errors_in(errors, StoreError)


if __name__ == "__main__":
    sys.stdout.write(error_page())

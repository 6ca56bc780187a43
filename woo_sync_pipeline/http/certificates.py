"""Which certificates of servers are trusted: those of public authorities, or those of a CA file of one's own."""

from __future__ import annotations

import ssl
from pathlib import Path

from woo_sync_pipeline.errors import ConfigurationError


def check_authority(verify_tls: bool | str, *, source: str, setting: str, server: str) -> None:
    """Refuse a CA file that cannot be used: requests would tell of it as of a server that cannot be reached.

    `verify_tls` may be a folder of such files too. `setting` is what it is called in the configuration, `server`
    whose certificate it is about. Raises `ConfigurationError`.
    """
    # An empty path is no path: requests would take it for false.
    if isinstance(verify_tls, bool) or (verify_tls and Path(verify_tls).is_dir()):
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=verify_tls)
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        raise ConfigurationError(
            source=source,
            tried=f"reading the CA file of {setting}",
            got="there is no such file" if missing else "a file that cannot be read as certificates in PEM",
            next_step=f"Set {setting} to the path of a PEM file with the certificate of the authority that "
            f"signed {server}'s, or to true.",
        ) from None

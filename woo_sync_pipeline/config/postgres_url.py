"""What a URL of PostgreSQL must look like, so that its parts can be told apart and its password is never shown."""

from __future__ import annotations

import re

from woo_sync_pipeline.privacy import looks_like_secret

_SCHEME = re.compile(r"(?:postgresql|postgres)(?:\+[a-z0-9]+)?")
_HOST = re.compile(r"[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\]")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_EXAMPLE = (
    "Write postgresql://user:password@host:5432/database, and in user and password %40 for @, %3A for :, %2F for /, "
    "%3F for ?, %23 for #, %25 for %"
)


def problem_of_postgres_url(url: str) -> str | None:
    """What is wrong with the URL of a PostgreSQL, with what to write instead; None when it can be used.

    Stricter than drivers are: each of them reads an unescaped `@`, `:` or `/` in a password in its own way, takes a
    part of the password for the host, and names that when it cannot connect. Nothing of the URL is repeated.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or not _SCHEME.fullmatch(scheme):
        return (
            "only PostgreSQL is supported. Write postgresql://user:password@host:5432/database, "
            "or leave the key out to use the embedded PostgreSQL"
        )
    address, _, query = rest.partition("?")
    authority, _, database = address.partition("/")
    user, _, place = authority.rpartition("@")
    name, _, password = user.partition(":")
    host, _, port = _host_and_port(place)
    unclear = (
        "@" in user
        or ":" in password
        or bool(set("/@?#") & set(database))
        or "#" in authority
        or _BAD_PERCENT.search(user) is not None
        or any("=" not in part for part in query.split("&") if part)
        or not address.isprintable()
        or " " in address
    )
    if unclear or not _HOST.fullmatch(host) or not (port == "" or (port.isdecimal() and int(port) <= 65_535)):
        return f"its parts cannot be told apart. {_EXAMPLE}"
    if any(looks_like_secret(part) for part in (host, database, name)):
        return f"where host, database or user belong there is what looks like a secret. {_EXAMPLE}"
    return None


def _host_and_port(place: str) -> tuple[str, str, str]:
    if place.startswith("["):
        host, bracket, port = place.partition("]")
        return host + bracket, "", port.removeprefix(":")
    return place.partition(":")

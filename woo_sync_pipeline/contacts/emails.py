"""Email addresses: trimmed and checked for their shape, never for whether anybody reads them."""

from __future__ import annotations

import html
import re
import unicodedata

from woo_sync_pipeline.contacts.names import strip_invisible

_MAX_LENGTH = 254
_LONGEST_READ = 2_000
_LOCAL = re.compile(r"(?=.{1,64}\Z)[^\s@<>()\[\],;:\\\".]+(?:\.[^\s@<>()\[\],;:\\\".]+)*")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")

# Nine of ten addresses are plain: for these no more is to be done, as no part of a short one can be too long.
_PLAIN = re.compile(
    r"[\w+'-]+(?:\.[\w+'-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]", re.ASCII
)
_SHORT = 60

# Only with their semicolon, which no address has: "r&copy@example.com" is one.
_ENTITY = re.compile(r"&#?\w+;")


def clean_email(text: str) -> str:
    """Return the address decoded, trimmed and with its domain in lower case, or "" if it has not the shape of one.

    The local part keeps its case: by the standard only the receiving server may say that case means nothing.
    Addresses and domains in other scripts than Latin are accepted.
    """
    if len(text) <= _SHORT and _PLAIN.fullmatch(text):
        return text
    address = strip_invisible(_decoded(text[:_LONGEST_READ])).strip()
    if len(address) > _MAX_LENGTH:
        return ""
    local, _, typed_domain = address.rpartition("@")
    domain = _comparable(typed_domain)
    if domain != _comparable(domain):
        return ""  # Letters of no alphabet that domains are written in.
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(_ascii_form(domain)):
        return ""
    return f"{local}@{domain}"


def _decoded(text: str) -> str:
    while (decoded := _ENTITY.sub(lambda found: html.unescape(found[0]), text)) != text:
        text = decoded
    return text


def _comparable(domain: str) -> str:
    # Full-width letters and ideographic full stops are what a Japanese keyboard gives.
    return unicodedata.normalize("NFKC", domain).replace("。", ".").lower()


def _ascii_form(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""

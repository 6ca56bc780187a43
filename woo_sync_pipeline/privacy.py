"""Masking of personal data wherever text leaves the program: logs, metadata, messages."""

from __future__ import annotations

import re
import traceback
import unicodedata

_EMAIL = re.compile(r"[^\s@<>\"'(),;:=]+@[^\s@<>\"'(),;:]+\.[^\s@<>\"'(),;:.]+")
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_NUMBER = re.compile(
    # What is kept comes first: a date and a time, a time, a UUID, an IPv4 address with its port.
    r"(?P<kept>(?<!\d)(?:19|20)\d\d-[01]\d-[0-3]\d(?!\d)(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,6})?)?)?"
    r"|(?<!\d)\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,6})?)?(?!\d)"
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
    rf"|(?<![\d.+]){_OCTET}(?:\.{_OCTET}){{3}}(?::\d{{1,5}})?(?![\d.]))"
    # Every other run of seven or more digits may be a phone, whatever stands before, within or after it.
    r"|\+?\(?\d(?:[\s().\-/‐-―−\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]{0,4}\d){6,}"
)
_CREDENTIAL = re.compile(
    r"(?i)((?:consumer_(?:key|secret)|oauth_\w+|api_?key|api_?secret|password|authorization)"
    r"[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s&,;\"']+)"
)
_KEY = re.compile(r"\b(?:ck|cs|pk)_[0-9A-Za-z]{4,}")
_RANDOM = re.compile(r"[0-9A-Za-z]{16,}")
_UUID = re.compile(r"(?i)\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_OF_ONE_KIND = re.compile(r"[0-9]+|[a-z]+|[A-Z]+")
_CREDENTIALS_OF_URL = re.compile(r"://[^/\s]*:[^/\s]*@")
_NO_DIGIT = re.compile(r"[^+0-9]")
_ASCII_BUT_DIGITS = {code: None for code in range(128) if chr(code) not in "+0123456789"}


def mask_phone(phone: str | None) -> str:
    """Show a phone so that a person can recognise it but nobody can call it: `+61•••••678`.

    Of a text with eight or more digits the first three characters and the last three digits stay, of any other
    text nothing: people type names and addresses into phone fields too.
    """
    if not phone:
        return ""
    digits = _digits(phone)
    return f"{digits[:3]}•••••{digits[-3:]}" if len(digits) >= 8 else "•" * min(len(phone.strip()), 8)


def _digits(phone: str) -> str:
    if phone.isascii():
        return phone.translate(_ASCII_BUT_DIGITS)
    return _NO_DIGIT.sub("", unicodedata.normalize("NFKC", phone))


def mask_email(email: str | None) -> str:
    """Show an email address by its first letter and top-level domain only: `a•••@•••.com`."""
    if not email:
        return ""
    local, _, domain = email.strip().partition("@")
    return f"{local[:1]}•••@•••.{domain.rpartition('.')[2]}" if domain else "•••"


def looks_like_secret(text: str) -> bool:
    """Whether a text that nobody should have to hide holds what looks like a secret: a random key, credentials.

    Random means 16 or more letters and digits without a break, two digits at least, and lower case, upper case and
    digits taking turns as no name has them. A password that somebody made up looks like any other word.
    """
    if _KEY.search(text) or _UUID.search(text) or _CREDENTIALS_OF_URL.search(text):
        return True
    return any(
        sum(map(str.isdecimal, run)) >= 2 and len(_OF_ONE_KIND.findall(run)) >= 7
        for run in _RANDOM.findall(text)
    )


def redact(text: str, *, limit: int = 300) -> str:
    """Make a foreign text fit to be shown: credentials removed, emails and phones masked, trimmed.

    Use it on everything a server answered before it goes into a message. `limit` is in characters.
    """
    collapsed = " ".join(text.split())
    shown = collapsed[: limit * 4]
    shown = _CREDENTIAL.sub(r"\1•••", shown)
    shown = _KEY.sub("•••", shown)
    shown = _EMAIL.sub(lambda found: mask_email(found.group()), shown)
    shown = _NUMBER.sub(lambda found: found["kept"] or mask_phone(found.group()), shown)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def places_of(error: BaseException) -> str:
    """Where an exception came from: files and lines without values, one a line."""
    frames = traceback.extract_tb(error.__traceback__)
    return "\n".join(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)

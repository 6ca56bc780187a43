"""Phone numbers as customers type them, read into E.164 numbers that can receive SMS.

Google's phone metadata (`phonenumbers`) decides what a number is. This module only finds the number in free
text, and adds the few readings that people mean and the library refuses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberType, ValidationResult

from woo_sync_pipeline.contacts.phone_patterns import textable_number
from woo_sync_pipeline.contacts.phone_spellings import (
    BLOCKER,
    known_region,
    other_spellings,
    plain_characters,
)


class InvalidReason(StrEnum):
    """Why a record has no phone that can be texted; each comes closer to one that can than those before it.

    - `missing_phone`: nothing was typed.
    - `unparseable`: something was typed, but no phone number can be read from it.
    - `too_short`: digits are missing, the area code perhaps.
    - `too_long`: there are more digits than a mobile number of that country has.
    - `invalid_for_region`: the length may be right, but no such number exists in the country that it names or,
      without a country code, in the customer's country (which may be unknown).
    - `not_mobile`: a real number that receives no SMS: a landline, a toll-free or service number.
    """

    missing_phone = "missing_phone"
    unparseable = "unparseable"
    too_short = "too_short"
    too_long = "too_long"
    invalid_for_region = "invalid_for_region"
    not_mobile = "not_mobile"

    @property
    def explanation(self) -> str:
        """One sentence for the person who reads the report."""
        return _EXPLANATIONS[self]


_EXPLANATIONS = {
    InvalidReason.missing_phone: "No phone number was given.",
    InvalidReason.unparseable: "The text in the phone field is not a phone number.",
    InvalidReason.too_short: "The phone number has too few digits.",
    InvalidReason.too_long: "The phone number has too many digits.",
    InvalidReason.invalid_for_region: "No such phone number exists in the country it belongs to.",
    InvalidReason.not_mobile: "The phone number is a landline or service number and cannot receive SMS.",
}

# With several numbers in one field and none of them usable, the reason that comes closest to a usable number.
_CLOSEST_FIRST = tuple(reversed(InvalidReason))


@dataclass(frozen=True, slots=True)
class ParsedPhone:
    """What was read from a phone field: exactly one of `e164` and `reason` is set."""

    e164: str | None
    reason: InvalidReason | None


_SMS_CAPABLE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})

_LABELS = "or|and|oder|und|ou|et|mob|mobile|cell|home|work|office|fax|tel|phone|ph"
# A word with a colon is a label too ("h: 02 9876 5432 m: 0412 345 678"), but for letters that stand for a digit.
_BETWEEN_NUMBERS = re.compile(
    rf"[\n,;|&\\]|(?<![a-z])(?:{_LABELS})(?![a-z])|(?<![a-z\d])(?![oilsbz]+\s*:)[a-z]+\s*:"
)
# These also occur inside one number ("0151/2345678", "02 - 9876 5432"), so the whole is tried first. A single blank
# parts only numbers that are otherwise written without any.
_PERHAPS_BETWEEN_NUMBERS = re.compile(r"/|\s-+\s|\s{2,}|(?=\+)|(?<=\d{7})\s(?=\+?\d{7})")
_EXTENSION = re.compile(r"(?<=[\d)])[\s.:-]*(?:ext(?:ensio)?n?|x{1,2}|#)[\s.:=#-]*\d{0,7}[\s.)]*(?=/|$)")
_START_OF_NUMBER = re.compile(r"[+\d]")
# "0412 345 67O": the last digit is hidden behind a letter, and a shorter number may exist and be another's.
_HIDDEN_LAST_DIGIT = re.compile(r"[oilsbz]+(?![a-z])")
# Behind a country code, and nowhere else: inside of a number it is one of its digits.
_OPTIONAL_ZERO = re.compile(r"\(\s*0\s*\)")
_COUNTRY_CODES = frozenset(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))

_FEWEST_DIGITS_OF_A_NUMBER = 7
_FEWEST_DIGITS_WITHOUT_PLUS = 10
_MOST_DIGITS = 20
"""E.164 allows 15; an international prefix such as 00 or 0011 comes on top."""
_LONGEST_READ = 1_000
"""Characters. Looking for numbers in a text takes the square of its length, and anybody may type one."""


# Texts with nothing but one number, in the layout that nearly everybody uses.
_LAYOUT = {ord(char): None for char in " -./()"}
_OPTIONAL_ZERO_AFTER_PLUS = re.compile(r"(\+\d[\d .-]*)\( ?0 ?\)(?=[ .-]*\d[^(]*\Z)", re.ASCII)
_ONE_PLAIN_NUMBER = re.compile(r"\+?(?:\(\d{2,5}\) ?)?(?:\d[ .-]?)+", re.ASCII)


def parse_phone(text: str, region: str) -> ParsedPhone:
    """Read the phone number out of what a customer typed.

    Of several numbers in one field, the first that can receive SMS is taken. Letters never become digits, and
    extensions are dropped. `region` (ISO 3166 alpha-2) says how to read a number without a country code; with
    an empty or unknown region only numbers beginning with + or 00 can be read. Never raises.
    """
    region = known_region(region)
    number = phone_at_a_glance(text, region)
    if number:
        return ParsedPhone(number, None)
    if text.isascii() and _ONE_PLAIN_NUMBER.fullmatch(text):
        digits = text.translate(_LAYOUT)
        if len(digits) < 2 * _FEWEST_DIGITS_OF_A_NUMBER:  # Else it may be two numbers.
            return _or_respelled(_decide(digits, region), text, region)
    return parse_phone_closely(text, region)


def phone_at_a_glance(text: str, region: str) -> str | None:
    """Return the E.164 number of a plainly written mobile, or None for "look closely".

    The number is the one that `parse_phone_closely` finds; None says nothing about the text. `region` is in upper
    case, without blanks.
    """
    if not text.isascii() or len(text) > _LONGEST_READ:
        return None
    if ")" in text and _OPTIONAL_ZERO.search(text):
        found = _OPTIONAL_ZERO_AFTER_PLUS.match(text)
        if found is None or _digits(found[1]) not in _COUNTRY_CODES:
            return None
        text = found[1] + text[found.end() :]
    return textable_number(text.translate(_LAYOUT), region)


def parse_phone_closely(text: str, region: str) -> ParsedPhone:
    """Read a phone number as `parse_phone` does, with the same answers, many times slower."""
    region = known_region(region)
    plain = plain_characters(text)
    if not plain.strip():
        return ParsedPhone(None, InvalidReason.missing_phone)
    if len(plain) > _LONGEST_READ:
        return ParsedPhone(None, InvalidReason.too_long)
    return _or_respelled(_read_plain(plain, region), plain, region)


def _or_respelled(found: ParsedPhone, plain: str, region: str) -> ParsedPhone:
    """What was found, or if that is no number at all, what another spelling gives."""
    if found.e164 or found.reason is InvalidReason.not_mobile:
        return found
    for spelling in other_spellings(plain, region, is_too_long=found.reason is InvalidReason.too_long):
        meant = _read_plain(spelling, region)
        if meant.e164 or meant.reason is InvalidReason.not_mobile:
            return meant
    return found


def _read_plain(plain: str, region: str) -> ParsedPhone:
    return _first_usable([_read_part(part, region) for part in _BETWEEN_NUMBERS.split(plain)])


def _first_usable(readings: list[ParsedPhone]) -> ParsedPhone:
    for reading in readings:
        if reading.e164:
            return reading
    reasons = {reading.reason for reading in readings}
    return ParsedPhone(None, next(reason for reason in _CLOSEST_FIRST if reason in reasons))


def _read_part(part: str, region: str) -> ParsedPhone:
    """Read a text that holds one number, or several that only a slash, a dash, blanks or a plus part."""
    part = _EXTENSION.sub("", part)
    start, end = _bounds_of_digits(part)
    number = part[start:end]
    # "0412 34S 678", "1 800 CALL 55": what is left without the letters may be somebody else's number.
    broken = BLOCKER in number or any(char.isalpha() for char in number)
    if not number or broken or _HIDDEN_LAST_DIGIT.match(part, end):
        return ParsedPhone(None, InvalidReason.unparseable)
    whole = _read_one(number, region)
    if whole.e164:
        return whole
    pieces = [piece for piece in _PERHAPS_BETWEEN_NUMBERS.split(_one_plus(number)) if _digits(piece)]
    if len(pieces) < 2 or any(len(_digits(piece)) < _FEWEST_DIGITS_OF_A_NUMBER for piece in pieces):
        return whole
    return _first_usable([whole, *(_read_one(piece, region) for piece in pieces)])


def _bounds_of_digits(text: str) -> tuple[int, int]:
    """Return where the number in `text` starts, with its plus, and ends; an empty range if it has no digit."""
    end = len(text)
    while end > 0 and not text[end - 1].isdigit():
        end -= 1
    start = _START_OF_NUMBER.search(text, 0, end)
    return (start.start(), end) if start else (0, 0)


def _read_one(number: str, region: str) -> ParsedPhone:
    number = _one_plus(number)
    international = number.startswith(("+", "00"))
    if "+" in number[1:]:
        return ParsedPhone(None, InvalidReason.unparseable)
    plus = "+" if number.startswith("+") else ""
    spelled = [plus + _digits(number)]
    zero = _OPTIONAL_ZERO.search(number) if international else None
    if zero and _digits(number[: zero.start()]).removeprefix("00") in _COUNTRY_CODES:
        # "+61 (0)412…": the zero is for callers inside the country. Where it belongs to the number
        # (Italy's landlines, Ivory Coast), the reading without it is not valid and the other one counts.
        spelled.insert(0, plus + _digits(number[: zero.start()] + number[zero.end() :]))
    return _first_usable([_decide(spelling, region) for spelling in spelled])


def _one_plus(number: str) -> str:
    return re.sub(r"^\+[\s+()]*", "+", number)


def _digits(number: str) -> str:
    return "".join(char for char in number if char.isdigit())


def _decide(number: str, region: str) -> ParsedPhone:
    """Decide on digits with at most one leading plus."""
    if len(number) > _MOST_DIGITS:
        return ParsedPhone(None, InvalidReason.too_long)
    return _decide_bounded(number, region)


@lru_cache(maxsize=1 << 14)
def _decide_bounded(number: str, region: str) -> ParsedPhone:
    if number.startswith("+0"):
        # No country code begins with a zero: this plus stands before a national number or before 00.
        return _decide_bounded(number[1:], region)
    plain = _ask_library(number, region)
    if plain.e164 or plain.reason is InvalidReason.not_mobile:
        return plain
    if number.startswith("00") and not number.startswith("000"):
        # Written for Europe; the library knows 00 only where it is the country's own international prefix.
        abroad = _ask_library(f"+{number[2:]}", region)
        return abroad if abroad.e164 or abroad.reason is InvalidReason.not_mobile else plain
    if _can_only_be_international(number, region, plain.reason):
        abroad = _ask_library(f"+{number}", region)
        return abroad if abroad.e164 else plain
    return plain


def _can_only_be_international(number: str, region: str, reason: InvalidReason | None) -> bool:
    """Whether "61412345678" may be read as "+61412345678".

    Only if it is too long for a mobile of the customer's own country: else it is as likely a mistyped number of
    that country, and the reading as a foreign one would text a stranger.
    """
    return (
        region in phonenumbers.SUPPORTED_REGIONS
        and reason is InvalidReason.too_long
        and len(number) >= _FEWEST_DIGITS_WITHOUT_PLUS
        and number[0] not in "+0"
    )


@cache
def _keep_compiled_patterns() -> None:
    """Make numbers from all over the world sixteen times faster: Python's own regex cache overflows on them."""
    phonenumbers.enable_pattern_cache()


def _ask_library(number: str, region: str) -> ParsedPhone:
    _keep_compiled_patterns()
    try:
        parsed = phonenumbers.parse(number, region or None)
    except NumberParseException as error:
        return ParsedPhone(None, _reason_of_refusal(error))
    kind = phonenumbers.number_type(parsed)
    if kind == PhoneNumberType.UNKNOWN:
        # Only a number that is not valid has no type: asking for its validity would do all the work twice.
        return ParsedPhone(None, _reason_of_invalid(parsed))
    if kind not in _SMS_CAPABLE:
        return ParsedPhone(None, InvalidReason.not_mobile)
    return ParsedPhone(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164), None)


def _reason_of_refusal(error: NumberParseException) -> InvalidReason:
    if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
        return InvalidReason.invalid_for_region
    if error.error_type == NumberParseException.TOO_LONG:
        return InvalidReason.too_long
    # The text is digits only by now, so "not a number" means a digit or two.
    return InvalidReason.too_short


def _reason_of_invalid(parsed: PhoneNumber) -> InvalidReason:
    possible = phonenumbers.is_possible_number_for_type_with_reason(parsed, PhoneNumberType.MOBILE)
    if possible in (ValidationResult.TOO_SHORT, ValidationResult.IS_POSSIBLE_LOCAL_ONLY):
        return InvalidReason.too_short
    if possible == ValidationResult.TOO_LONG:
        return InvalidReason.too_long
    return InvalidReason.invalid_for_region

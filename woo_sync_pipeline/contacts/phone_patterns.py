"""One compiled pattern for each region, which knows most mobile numbers at a glance.

Made from the metadata that `phonenumbers` itself decides with. A pattern only ever accepts: what it accepts, the
library reads as the same number and calls mobile (or fixed-line-or-mobile). What it does not accept may still be
a number, and the library is asked, at thirty times the cost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS
from phonenumbers.phonemetadata import PhoneMetadata, PhoneNumberDesc

_NOTHING = "(?!)"
_LONGEST_COUNTRY_CODE = 3
_NO_REGION = ("001",)
"""What the metadata lists in place of a region for numbers of no country, such as satellite phones."""


def textable_number(digits: str, region: str) -> str | None:
    """Return the E.164 number that can receive SMS, or None for "ask the library".

    `digits` are ASCII digits with at most a leading plus; anything else gives None. `region` is an ISO 3166
    alpha-2 code in upper case; without a known one only numbers with a plus are recognised.
    """
    if digits[:1] == "+":
        for end in range(2, _LONGEST_COUNTRY_CODE + 2):
            # No country code begins another one.
            if pattern := _pattern_after_plus(digits[1:end]):
                found = pattern.fullmatch(digits, end)
                return f"{digits[:end]}{found['number']}" if found else None
        return None
    pattern_and_code = _pattern_of_region(region)
    if pattern_and_code is None:
        return None
    found = pattern_and_code[0].fullmatch(digits)
    return pattern_and_code[1] + (found["with_code"] or found["national"]) if found else None


@lru_cache(maxsize=1024)
def _pattern_of_region(region: str) -> tuple[re.Pattern[str], str] | None:
    """The pattern of numbers without a plus, and what goes before their national part."""
    if region not in SUPPORTED_REGIONS:
        return None
    plan = _plan(region)
    country_code = _country_code(plan)
    code = str(country_code)
    main_plan = _plan(COUNTRY_CODE_TO_REGION_CODE[country_code][0])
    is_national = _length(plan.general_desc) + _whole(plan.general_desc)
    number = is_national + _textable(country_code)
    # A number that begins with the country's own code is read without it, unless it is a national one as it
    # stands. A prefix of the main region would then be stripped as well.
    national = f"(?:(?!{code})|{is_national}){_after_prefix(plan)}(?P<national>{number})"
    with_code = (
        f"(?!{_whole(plan.general_desc)}){code}{_after_prefix(plan)}"
        f"(?!{main_plan.national_prefix_for_parsing or _NOTHING})(?P<with_code>{number})"
    )
    abroad = f"(?!{plan.international_prefix or _NOTHING})"
    return _compiled(f"{abroad}(?:{national}|{with_code})"), f"+{code}"


@lru_cache(maxsize=1024)
def _pattern_after_plus(code: str) -> re.Pattern[str] | None:
    """The pattern of what follows plus and country code; None for what is no country code."""
    # "+0061…" and full-width digits are no country codes, though int() would read them.
    regions = COUNTRY_CODE_TO_REGION_CODE.get(int(code)) if code.isascii() and code.isdecimal() else None
    if regions is None or regions == _NO_REGION or code[0] == "0":
        return None
    plan = _plan(regions[0])
    number = _length(plan.general_desc) + _whole(plan.general_desc) + _textable(int(code))
    return _compiled(f"{_after_prefix(plan)}(?P<number>{number})")


def _compiled(pattern: str) -> re.Pattern[str]:
    # Without re.ASCII the metadata's \d would accept digits of every script.
    return re.compile(pattern, re.ASCII)


def _plan(region: str) -> PhoneMetadata:
    plan = PhoneMetadata.metadata_for_region(region)
    assert plan is not None
    return plan


def _country_code(plan: PhoneMetadata) -> int:
    assert plan.country_code is not None
    return plan.country_code


@cache
def _textable(country_code: int) -> str:
    """The pattern of national numbers that are mobile in whichever region of this country code they belong to.

    The first region whose leading digits they have, or which knows them, is theirs, as for the library.
    """
    plans = [_plan(region) for region in COUNTRY_CODE_TO_REGION_CODE[country_code]]
    if len(plans) == 1:
        return _mobile(plans[0])
    pattern = _NOTHING
    for plan in reversed(plans):
        if plan.leading_digits:
            leading = _either([plan.leading_digits])
            pattern = f"(?:(?={leading}){_mobile(plan)}|(?!{leading}){pattern})"
        else:
            known = _either(_patterns_of(_types(plan)))
            pattern = f"(?:{_mobile(plan)}|(?!{known}\\Z){pattern})"
    return pattern


def _mobile(plan: PhoneMetadata) -> str:
    mobile = plan.fixed_line if plan.same_mobile_and_fixed_line_pattern else plan.mobile
    if not list(_patterns_of([mobile])):
        return _NOTHING
    # Premium-rate, toll-free and the like come before mobile where a number is both.
    other = _either(_patterns_of(_special_types(plan)))
    general = _length(plan.general_desc) + _whole(plan.general_desc)
    return f"{general}(?!{other}\\Z){_length(mobile)}{_either(_patterns_of([mobile]))}"


def _special_types(plan: PhoneMetadata) -> list[PhoneNumberDesc | None]:
    return [
        plan.premium_rate,
        plan.toll_free,
        plan.shared_cost,
        plan.voip,
        plan.personal_number,
        plan.pager,
        plan.uan,
        plan.voicemail,
    ]


def _types(plan: PhoneMetadata) -> list[PhoneNumberDesc | None]:
    return [*_special_types(plan), plan.fixed_line, plan.mobile]


def _patterns_of(types: Iterable[PhoneNumberDesc | None]) -> Iterable[str]:
    return (kind.national_number_pattern for kind in types if kind and kind.national_number_pattern)


def _either(patterns: Iterable[str]) -> str:
    return f"(?:{'|'.join(patterns) or _NOTHING})"


def _whole(kind: PhoneNumberDesc | None) -> str:
    """Looks ahead for a whole number of this type."""
    return f"(?={_either(_patterns_of([kind]))}\\Z)"


def _length(kind: PhoneNumberDesc | None) -> str:
    """Looks ahead for a possible length of this type."""
    if kind is None:
        return _NOTHING
    lengths = [f"\\d{{{length}}}" for length in kind.possible_length if length > 0]
    return f"(?={_either(lengths)}\\Z)" if kind.possible_length else ""


def _after_prefix(plan: PhoneMetadata) -> str:
    """Matches a national prefix, or nothing before a number without one.

    The prefix is matched only where it is a literal alternative of the pattern that the library parses with, and
    no alternative before it matches. Every other prefix (with an operator's code, or one that is rewritten)
    leaves the number to the library.
    """
    parsing = plan.national_prefix_for_parsing
    if not parsing:
        return ""
    without = f"(?!{parsing})"
    alternatives = _alternatives(parsing)
    if plan.national_prefix not in alternatives or not plan.national_prefix.isdecimal():
        return without
    earlier = alternatives[: alternatives.index(plan.national_prefix)]
    return f"(?:{without}|(?!{_either(earlier)}){plan.national_prefix})"


def _alternatives(pattern: str) -> list[str]:
    """Split a pattern at the bars that are in no group."""
    parts = [""]
    depth = 0
    for piece in re.findall(r"\\.|\[[^\]]*\]|.", pattern):
        depth += (piece == "(") - (piece == ")")
        if piece == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    return parts

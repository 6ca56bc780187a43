"""Countries as people write them: a code as often as a name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pandas as pd
import phonenumbers
from phonenumbers.geocoder import country_name_for_number

from woo_sync_pipeline.contacts.columns import Objects, each_distinct, texts


def country_codes(countries: pd.Series[Any]) -> Objects:
    """The ISO 3166 alpha-2 code of each country; what is neither a code nor an English name stays as it is."""
    return each_distinct(country_code, texts(countries))


def country_code(text: str) -> str:
    """The code of a country that is written as a code or by its English name; else the text as it is."""
    if len(text.strip()) <= 2:
        return text
    return _codes().get(text.strip().casefold(), text)


@cache
def _codes() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        number = phonenumbers.example_number(region)
        if number is not None and (name := country_name_for_number(number, "en")):
            found.setdefault(name.casefold(), region)
    return {**found, "united states of america": "US", "usa": "US", "great britain": "GB"}

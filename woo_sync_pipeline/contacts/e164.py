"""How a phone is written wherever this project keeps or sends one."""

from __future__ import annotations

import re

E164 = re.compile(r"\+[1-9][0-9]{5,14}")
"""A plus sign, then the country's code and the number, at most 15 digits together."""

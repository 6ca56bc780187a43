"""Believable people of several cultures, with the marks that plugins and imports leave on their names."""

from __future__ import annotations

import random
import re
import unicodedata
from dataclasses import dataclass

_CULTURES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("Olivia", "Jack", "Charlotte", "Noah", "Amelia", "Henry", "Isla", "Thomas", "Grace", "Lachlan"),
        ("Smith", "Jones", "Williams", "Brown", "Wilson", "Taylor", "Walker", "MacDonald", "Campbell"),
    ),
    (
        ("Siobhán", "Liam", "Aoife", "Conor", "Niamh", "Declan"),
        ("O'Brien", "O'Connor", "D'Arcy", "Murphy", "Byrne", "O’Neill"),
    ),
    (
        ("Linh", "Minh", "Thảo", "Tuấn", "Nguyên", "Hương"),
        ("Nguyễn", "Trần", "Lê", "Phạm", "Võ"),
    ),
    (
        ("Wei", "Xin Yi", "Jun", "Mei", "伟", "李娜"),
        ("Chen", "Wang", "Zhang", "Lim", "王", "陈"),
    ),
    (
        ("Arjun", "Priya", "Ananya", "Rohan", "Kavya", "Singh"),
        ("Patel", "Sharma", "Singh", "Iyer", "Kaur"),
    ),
    (
        ("Giulia", "Marco", "José", "Lucía", "Jean-Luc", "Amélie", "Zoë"),
        ("Rossi", "García", "de la Cruz", "Dubois", "Lefèvre", "van der Berg"),
    ),
    (
        ("Jürgen", "Anneliese", "Łukasz", "Мария", "Дмитрий", "Søren"),
        ("Müller", "Weiß", "Kowalski", "Иванова", "Jørgensen"),
    ),
    (
        ("Fatima", "Omar", "Layla", "محمد", "Yusuf"),
        ("Al-Sayed", "Haddad", "Khan", "علي", "Rahman"),
    ),
    (
        ("さくら", "Haruto", "Yui", "Min-jun", "Tane", "Aroha"),
        ("Sato", "鈴木", "Kim", "Park", "Ngata", "Te Rangi"),
    ),
)
_WEIGHTS = (46, 9, 9, 9, 8, 8, 5, 3, 3)
_CITIES = ("Sydney", "Melbourne", "Brisbane", "Perth", "Adelaide", "Hobart", "Wagga Wagga", "Auckland", "")
_MAIL_HOSTS = ("example.com", "example.com", "example.net", "example.org")


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who shops: names as stored (entities and all), an email address, a city."""

    first_name: str
    last_name: str
    email: str
    city: str


def invent_person(rng: random.Random, number: int) -> Person:
    """Invent a person; `number` keeps the email address unique within a store."""
    firsts, lasts = rng.choices(_CULTURES, _WEIGHTS)[0]
    first, last = rng.choice(firsts), rng.choice(lasts)
    email = f"{_ascii(first)}.{_ascii(last)}{number}@{rng.choice(_MAIL_HOSTS)}"
    oddity = rng.random()
    if oddity < 0.008:
        last = rng.choice(("Smith &amp; Sons", "Chen &amp; Co", "O&#039;Brien"))
    elif oddity < 0.012:
        first = "Bob &amp; Sue"
    elif oddity < 0.015:
        last = f"{last} {rng.choice(('🌻', '🍷', '😀'))}"
    elif oddity < 0.022:
        first = ""
    elif oddity < 0.026:
        last = f" {last}  "
    return Person(first, last, email, rng.choice(_CITIES))


def change_case(rng: random.Random, email: str) -> str:
    """Spell an email address as the same person would another time: another case, now and then."""
    return rng.choice((email, email, email.upper(), email.title()))


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z]+", "", plain) or "user"

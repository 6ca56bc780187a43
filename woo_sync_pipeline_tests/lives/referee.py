"""What people said and whether it could be seen, and nothing else: no rule of the project is known here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass


@dataclass
class Word:
    """Something that somebody said, and where: in an account, with an order, on the platform."""

    act: str
    is_yes: bool
    place: str
    can_be_known: bool = False

    def __str__(self) -> str:
        return f"{'yes' if self.is_yes else 'no'} {self.act}{'' if self.can_be_known else ' (not read yet)'}"


class Referee:
    """Keeps what each person said, in the order in which it was said."""

    def __init__(self) -> None:
        self.words: dict[str, list[Word]] = defaultdict(list)

    def hears(self, phone: str, act: str, *, yes: bool, place: str) -> None:
        self.words[phone].append(Word(act, yes, place, can_be_known=place == "platform"))

    def knows(self, places: Collection[str], *, but_of: Collection[str]) -> None:
        """What was said in these places was read, but of those people of whom not all was."""
        for phone, words in self.words.items():
            for word in words if phone not in but_of else ():
                word.can_be_known = word.can_be_known or word.place in places

    def forbids(self, phone: str) -> bool:
        """Whether the last thing that the person said was no, as could be known."""
        words = self.words[phone]
        return bool(words) and not words[-1].is_yes and words[-1].can_be_known

    def expects(self, phone: str) -> bool:
        """Whether the last thing that the person said was yes."""
        return bool(self.words[phone]) and self.words[phone][-1].is_yes

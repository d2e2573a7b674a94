"""Values that a question names: drawn from lists and patterns, those of held-out questions partly never trained."""

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml

Language = Literal["en", "zh"]
Split = Literal["train", "held"]
HERE = Path(__file__).parent
LISTS: dict[str, dict[str, list[str]]] = yaml.safe_load((HERE / "values.yaml").read_text(encoding="utf-8"))
# Of each list the first part is trained and the last is asked in held-out questions; they overlap by a fifth.
TRAINED, HELD_FROM = 0.7, 0.5
EUROS = {"EUR": 1.0, "USD": 0.9, "JPY": 0.006, "GBP": 1.2, "CNY": 0.125, "CHF": 1.05, "AUD": 0.6, "CAD": 0.65}
EUROS |= {"SEK": 0.09, "INR": 0.01, "KRW": 0.0007, "NOK": 0.085, "BRL": 0.16, "MXN": 0.05, "PLN": 0.23, "TRY": 0.03}


def show(value: Any, language: Language) -> str:
    """Write a value as a question says it: 2.5, "a, b and c"."""
    if isinstance(value, list):
        words = [show(one, language) for one in value]
        comma, last = (", ", " and ") if language == "en" else ("、", "和")
        return last.join([comma.join(words[:-1]), words[-1]] if len(words) > 1 else words)
    return f"{value:g}" if isinstance(value, float) else str(value)


class Values:
    """Draws values by their spec: a list's name, or a word of `MADE` and what it needs ("int 2 9", "code AA00")."""

    def __init__(self, language: Language, split: Split, chance: random.Random) -> None:
        self.language, self.split, self.chance = language, split, chance

    def draw(self, spec: str, known: Mapping[str, Any]) -> Any:
        """Draw a value; `known` are the question's others, from which some are reckoned. KeyError: no such list."""
        word, *rest = spec.split()
        if word in MADE:
            return MADE[word](self, rest, known)
        return self.chance.choice(self._part(word))

    def _part(self, name: str) -> Sequence[str]:
        every = LISTS["common"].get(name) or LISTS[self.language][name]
        size = len(every)
        return every[: round(size * TRAINED)] if self.split == "train" else every[round(size * HELD_FROM) :]

    def integer(self, rest: Sequence[str]) -> int:
        """Draw from "low high", small numbers as often as large ones."""
        return self.chance.randint(int(rest[0]), int(rest[1]))

    def number(self, rest: Sequence[str]) -> int | float:
        """Draw from "low high"; two in five have decimals."""
        whole = self.integer(rest)
        decimals = self.chance.choice((0.5, 0.25, 0.75, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95))
        return whole if self.chance.random() < 0.6 else round(whole + decimals, 2)

    def numbers(self, rest: Sequence[str]) -> list[int | float]:
        """Draw two or three numbers, none twice."""
        drawn: list[int | float] = []
        while len(drawn) < 2 or (len(drawn) < 3 and self.chance.random() < 0.4):
            drawn += [n for n in [self.number(rest)] if n not in drawn]
        return drawn

    def code(self, pattern: str) -> str:
        """Fill a pattern: A is a letter, 0 a digit, any other character itself."""
        letters = {"A": "ABCDEFGHJKLMNPRSTUVWXYZ", "0": "0123456789"}
        return "".join(self.chance.choice(letters.get(c, c)) for c in pattern)

    def several(self, name: str) -> list[str]:
        """Draw two or three values of a list, none twice."""
        return self.chance.sample(self._part(name), self.chance.choice((2, 2, 3)))

    def time(self, after: str = "") -> str:
        """Draw a time of day, HH:MM, later than `after`."""
        first = int(after[:2]) + 1 if after else 6
        return (
            f"{self.chance.randint(first, max(first, 21)):02}:{self.chance.choice((0, 10, 15, 20, 30, 40, 45, 50)):02}"
        )

    def person(self) -> str:
        """Draw a full name."""
        first = self.draw("first", {})
        return first if self.language == "zh" else f"{first} {self.draw('last', {})}"

    def email(self) -> str:
        """Draw an address."""
        names = Values("en", self.split, self.chance)
        return f"{names.draw('first', {})}.{names.draw('last', {})}@{names.draw('domain', {})}".lower()

    def phone(self) -> str:
        """Draw a number as the language's country writes one."""
        return self.code("000-0000" if self.language == "en" else "13000000000")

    def date(self) -> str:
        """Draw a date, ISO 8601."""
        return f"{self.chance.choice((2025, 2026))}-{self.chance.randint(1, 12):02}-{self.chance.randint(1, 28):02}"


def _exchange(values: Values, rest: Sequence[str], known: Mapping[str, Any]) -> Any:
    return round(known["amount"] * EUROS[known["from"]] / EUROS[known["to"]], 2)


def _bmi(values: Values, rest: Sequence[str], known: Mapping[str, Any]) -> Any:
    return round(known["weight_kg"] / (known["height_cm"] / 100) ** 2, 1)


def _dice(values: Values, rest: Sequence[str], known: Mapping[str, Any]) -> Any:
    return sum(values.chance.randint(1, known["sides"]) for _ in range(known.get("count", 1)))


MADE: dict[str, Callable[[Values, Sequence[str], Mapping[str, Any]], Any]] = {
    "int": lambda values, rest, known: values.integer(rest),
    "num": lambda values, rest, known: values.number(rest),
    "nums": lambda values, rest, known: values.numbers(rest),
    "code": lambda values, rest, known: values.code(rest[0]),
    "list": lambda values, rest, known: values.several(rest[0]),
    "date": lambda values, rest, known: values.date(),
    "time": lambda values, rest, known: values.time(known.get(rest[1], "") if rest else ""),
    "person": lambda values, rest, known: values.person(),
    "email": lambda values, rest, known: values.email(),
    "phone": lambda values, rest, known: values.phone(),
    "sum": lambda values, rest, known: round(sum(known[rest[0]]), 2),
    "root": lambda values, rest, known: round(known[rest[0]] ** 0.5, 2),
    "area": lambda values, rest, known: round(known["width_m"] * known["length_m"], 2),
    "exchange": _exchange,
    "bmi": _bmi,
    "dice": _dice,
}

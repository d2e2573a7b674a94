"""The command line's words → overrides that Hydra reads as the user meant them; every wrong one named at once."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agentswift.compose.keys import Key, groups, keys, optional
from agentswift.compose.quoting import quote_choice, quote_text, quote_texts
from agentswift.compose.search_path import Options
from agentswift.compose.suggestions import unknown_key
from agentswift.errors import UsageError

_OVERRIDE = re.compile(r"(?s)(?P<sign>\+\+|\+|~)?(?P<key>[^=@]+)(?P<package>@[^=]*)?(?P<equals>=)?(?P<value>.*)")
_FILE = re.compile(r"(?s).*(/|\.(jsonl?|csv|parquet|arrow|gz|zst)$)")
_COUNTED = re.compile(r"([\w.-]+)#(\d+)(?=\s*[:=]|$)")  # ms-swift's NAME#N; Hydra reads no # in a key
_MEANT = {"data": "data.path", "model": "model.model"}  # groups that one is tempted to give a path


@dataclass(frozen=True)
class Words:
    """What words are read against: a command's shape, the options there are, and whether it is a sweep."""

    shape: type
    options: Options
    sweep: bool = False

    def read(self, words: Sequence[str]) -> list[str]:
        """Return `words` as Hydra should read them. Raises UsageError that names all that are wrong."""
        problems, read = list[str](), list[str]()
        for word in words:
            try:
                read += self._counted(word) or [self._override(word)]
            except UsageError as error:
                problems.append(str(error))
        if problems:
            raise UsageError("\n  ".join(problems))
        given, chosen = (any(word.startswith(start) for word in words) for start in ("data.parts={", "data="))
        # A mix given whole is that mix: the default option's own parts would be merged into it.
        return ["data=card", *read] if given and not chosen else read

    def _counted(self, word: str) -> list[str]:
        """Return a word with NAME#N in it, about the parts, as words that say NAME and N rows of it. []: not so."""
        if "data" not in groups(self.shape) or not word.lstrip("+").startswith(("data=", "data.parts")):
            return []
        counts = _COUNTED.findall(word)
        plain = [_COUNTED.sub(r"\1", word), *(f"data.rows.{n.removeprefix('data.parts.')}={c}" for n, c in counts)]
        return [self._override(one) for one in plain] if counts else []

    def _override(self, word: str) -> str:
        match = _OVERRIDE.fullmatch(word)
        if match is None or not (match["equals"] or match["sign"] == "~"):
            raise UsageError(self._no_override(word))
        sign, name, value = match["sign"] or "", match["key"], match["value"]
        if sign == "~" or re.match(r"hydra\b", name):
            return word
        if name in self.options.files:
            if value == "null" and name in optional(self.shape):
                return f"~{name}"  # Hydra's word for a group left out
            return f"{sign}{name}{match['package'] or ''}={self._choice(name, value)}"
        key = self._key(name)
        if key.name != name or key.is_table:  # in a table names are the user's own: a new one needs no +
            return f"{sign or '++'}{name}={value}"
        if key.is_text:
            value = quote_text(value, self.sweep)
        elif key.is_texts:
            value = quote_texts(value, self.sweep)
        return f"{sign}{name}={value}"

    def _choice(self, group: str, value: str) -> str:
        """Return the option chosen, quoted at need. Raises UsageError for a file or id where an option's name goes."""
        folder, _, option = f"{group}/{value}".rpartition("/")
        is_file = _FILE.match(value) and option not in self.options.of(folder)
        if is_file and not self.sweep and group in _MEANT and group in groups(self.shape):
            raise UsageError(f"{group}={value}: an option's name is wanted. Did you mean {_MEANT[group]}={value}?")
        return quote_choice(value, self.sweep)

    def _key(self, name: str) -> Key:
        """Return the key `name`, or the table that it lies in. Raises UsageError with what was meant."""
        known = keys(self.shape)
        tables = (key for key in known.values() if key.is_table and name.startswith(f"{key.name}."))
        key = known.get(name) or next(tables, None)
        if key is None:
            raise UsageError(unknown_key(name, self.shape))
        return key

    def _no_override(self, word: str) -> str:
        for group in self.options.groups:
            if word in self.options.of(group):
                return f"{word}: write group=option. Did you mean {group}={word}?"
        known = word in keys(self.shape) or word in groups(self.shape)
        return f"{word}: write key=value" + (
            f". Did you mean {word}=VALUE?" if known else f": {unknown_key(word, self.shape)}"
        )

"""A `swift sft` command, or the arguments of ms-swift or LLaMA-Factory in a file → arguments by name.

Nothing is executed. Of a shell script only words are read: `NAME=value`, `$NAME` and `${NAME:-default}`, and sums such
as `$(expr 16 / $NAME)`; whatever else a shell would have to work out stays as it is written, with its dollar.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from agentswift.errors import DataError, UsageError

_QUOTED = r"""'[^']*'|"(?:\\.|[^"\\])*\""""
_ASSIGNED = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?\})")
_SUM = re.compile(r"(?:expr )?(\d+) ?\\?([-+*/]) ?(\d+)")
_OURS = ("swift", "swift.exe")
_SCRIPTS = ("llm_sft.py", "sft.py")  # as ms-swift 1 and 2 were called


@dataclass(frozen=True)
class TrainingCommand:
    """Whose command it is, its arguments as written (text, or the values of a file), and its environment."""

    of: Literal["ms-swift", "LLaMA-Factory"]
    arguments: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict)


def read_command(path: Path) -> TrainingCommand:
    """Read a .sh or text file, YAML or JSON. Raises DataError for one that cannot be read or holds no such command."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    if path.suffix in (".yaml", ".yml", ".json"):
        return _from_file(_values(path, text))
    return _from_shell(path, text)


def _values(path: Path, text: str) -> dict[str, Any]:
    import yaml

    try:
        values = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise DataError(f"{path}: not {path.suffix[1:].upper()} that can be read: {error}") from error
    if not isinstance(values, dict):
        raise DataError(f"{path}: arguments with their values are wanted, as in `learning_rate: 1e-4`")
    return {str(name): value for name, value in values.items()}


def _from_file(values: dict[str, Any]) -> TrainingCommand:
    environment = values.pop("ENV", None)  # ms-swift's
    theirs = values.keys() & {"model_name_or_path", "finetuning_type", "stage", "cutoff_len"}
    given = {name: value for name, value in values.items() if value is not None}
    named = {str(k): str(v) for k, v in environment.items()} if isinstance(environment, Mapping) else {}
    return TrainingCommand("LLaMA-Factory" if theirs else "ms-swift", given, named)


def _from_shell(path: Path, text: str) -> TrainingCommand:
    variables: dict[str, str] = {}
    try:
        for words in _commands(text):
            words = [_worked_out(word, variables) for word in words]
            while words and (words[0] == "export" or _ASSIGNED.fullmatch(words[0])):
                if found := _ASSIGNED.fullmatch(words.pop(0)):
                    variables[found[1]] = found[2]
            # `N=4 swift sft … $N`: a shell would not see N here, those who write so mean it all the same.
            if (given := _arguments(path, [_worked_out(word, variables) for word in words])) is not None:
                return TrainingCommand(given[0], given[1], {**variables, **given[2]})
    except ValueError as error:
        raise DataError(f"{path}: cannot be taken apart as a shell's words: {error}") from error
    raise DataError(f"{path}: no `swift sft` (or llamafactory-cli train) in it: nothing else is read here")


def _commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command, comments left out, `$(…)` and backticks whole."""
    text = re.sub(rf"({_QUOTED})|(?:(?<=\s)|^)#[^\n]*", lambda m: m[1] or "", text, flags=re.MULTILINE)
    text = re.sub(r"\\\r?\n", " ", text)
    text = re.sub(rf"({_QUOTED})|\n", lambda m: m[1] or " ; ", text)
    # Inside quotes a shell works these out too; there a space does no harm.
    text = re.sub(rf"({_QUOTED})|(\$\((?:[^()]|\([^()]*\))*\)|`[^`\n]*`)", lambda m: m[1] or _whole(m[2]), text)
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    for word in lexer:
        if set(word) <= set(";&|"):
            yield words
            words = []
        else:
            words.append(word)
    yield words


def _whole(computed: str) -> str:
    return '"' + computed.replace('"', "").replace("\\", "") + '"'


def _worked_out(word: str, variables: Mapping[str, str]) -> str:
    """Return a word with the variables known so far, and with sums of whole numbers done."""
    word = _VARIABLE.sub(lambda m: variables.get(m[1] or m[2], m[0] if m[3] is None else m[3]), word)
    return re.sub(r"\$\(\(?\s*(.*?)\s*\)?\)", _sum, word)


def _sum(match: re.Match[str]) -> str:
    if not (found := _SUM.fullmatch(re.sub(r"\s+", " ", match[1]))):
        return match[0]
    a, b = int(found[1]), int(found[3])
    return str({"+": a + b, "-": a - b, "*": a * b, "/": a // b if b else match[0]}[found[2]])


def _arguments(
    path: Path, words: Sequence[str]
) -> tuple[Literal["ms-swift", "LLaMA-Factory"], dict[str, Any], dict[str, str]] | None:
    """Return whose command the words are, its arguments, and what torchrun was told; None for any other command."""
    names = [Path(word).name for word in words]
    if (at := next((i for i, name in enumerate(names) if name in _OURS), -1)) >= 0 and at + 1 < len(words):
        if words[at + 1] != "sft":
            raise DataError(f"{path}: `swift {words[at + 1]}`: `swift sft` alone can become an experiment")
        return "ms-swift", _named(path, words[at + 2 :]), {}
    if (at := next((i for i, name in enumerate(names) if name in _SCRIPTS), -1)) >= 0:
        return "ms-swift", _named(path, words[at + 1 :]), _torchrun(words[:at])
    if "llamafactory-cli" in names and (at := names.index("llamafactory-cli")) + 1 < len(words):
        return "LLaMA-Factory", _named(path, words[at + 2 :]), {}
    return None


def _named(path: Path, words: Sequence[str]) -> dict[str, Any]:
    """Return each `--name value …` or `--name=value`; a name without value is true."""
    named: dict[str, Any] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name, equals, value = word[2:].replace("-", "_").partition("=")
            named[name] = [value] if equals else []
        elif name:
            named[name].append(word)
        elif word.endswith((".yaml", ".yml", ".json")):
            raise UsageError(f"{path}: its arguments are in {word}: path={word}")
    return {name: values[0] if len(values) == 1 else values or "true" for name, values in named.items()}


def _torchrun(words: Sequence[str]) -> dict[str, str]:
    found = re.search(r"--nproc[_-]per[_-]node[= ](\d+)", " ".join(words))
    return {"NPROC_PER_NODE": found[1]} if found else {}

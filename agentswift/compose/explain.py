"""What Hydra and OmegaConf raise → what the user did wrong, with file and line where it is in a file."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from yaml import YAMLError

from agentswift.compose.keys import keys
from agentswift.compose.search_path import Options
from agentswift.compose.suggestions import unknown_key
from agentswift.errors import AgentswiftError, UsageError, did_you_mean

# What composing raises for a user's mistake; a ValueError of another kind is a bug.
NOT_COMPOSED = (HydraException, OmegaConfBaseException, YAMLError, UnicodeDecodeError)
_IN = re.compile(r"In '([^']+)'")
_NO_KEY = re.compile(r"Key '([^']+)' (?:is )?not in '")
_FULL_KEY = re.compile(r"full_key: (\S+)")
_OVERRIDE = re.compile(r"Error merging override \+*(.+)")
_SEVERAL = re.compile(r"Ambiguous value for argument '(.+)'")
_DETAILS = re.compile(
    r"\n\s+(full_key|reference_type|object_type)[:=].*|\n?See https://hydra\.cc.*|\nConfig search path:(.|\n)*"
)


def explain(error: Exception, shape: type, options: Options, datasets: Sequence[str]) -> UsageError:
    """Return `error`, raised while composing, as a UsageError; `datasets` are the cards, options of data as well."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return UsageError(_no_option(error, options, datasets))
    if isinstance(error, OverrideParseException):
        key = error.override.partition("=")[0]
        return UsageError(f"{error.override}: cannot be read as a value. Quote it, for the shell too: \"{key}='…'\"")
    causes = list(_causes(error))
    text = "\n".join(dict.fromkeys(str(cause) for cause in causes))
    full_key = found[1] if (found := _FULL_KEY.search(text)) else ""
    if any(isinstance(cause, MissingMandatoryValue) for cause in causes):
        return UsageError(f"{full_key} is not given: {full_key}={_about(full_key, shape)}")
    if several := _SEVERAL.search(text):
        key, _, values = several[1].partition("=")
        return UsageError(f"{several[1]}: several values are a sweep, which needs -m. For a list: {key}=[{values}]")
    where = _place(text, full_key, options)
    if unknown := _NO_KEY.search(text):
        return UsageError(where + unknown_key(full_key or unknown[1], shape))
    return UsageError(where + _plain(text, full_key, shape))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _no_option(error: MissingConfigException, options: Options, datasets: Sequence[str]) -> str:
    """Say which option there is not, where it was asked for, and the nearest ones."""
    group, _, name = str(error.missing_cfg_file).removesuffix(".yaml").rpartition("/")
    if not group:
        return f"--config-name: no configuration {name!r}.{did_you_mean(name, options.of(''))}"
    if group == "template":
        from agentswift.agent_templates import find_agent_template

        try:
            find_agent_template(name)
        except AgentswiftError as no_template:
            return str(no_template)
    known = {*options.of(group), *(datasets if group == "data" else ())}
    where = _asked_in(group, name, options)
    word = "dataset" if group == "data" else group
    hint = " agentswift list what=datasets shows them all" if group == "data" else ""
    near = did_you_mean(name, known, otherwise="\0" if hint else "There are ")
    return f"{where}no {word} {name!r}.{hint if chr(0) in near else near}"


def _asked_in(group: str, name: str, options: Options) -> str:
    """Return "FILE:LINE: " of a defaults list that asks for group: name, "" where none does: the command line did."""
    asks = re.compile(rf"^\s*-.*\b{re.escape(group)}\s*:\s*[\"']?{re.escape(name)}\b")
    for file in (file for files in options.files.values() for file in files.values()):
        for number, line in enumerate(_text(file).splitlines(), 1):
            if asks.match(line):
                return f"{file}:{number}: "
    return ""


def _about(key: str, shape: type) -> str:
    known = keys(shape)
    return f"VALUE, {known[key].about}" if key in known and known[key].about else "VALUE"


def _plain(text: str, key: str, shape: type) -> str:
    """Return the last thing said, without Hydra's details, and with the key and the kind of value it takes."""
    override = _OVERRIDE.search(text)
    said = _DETAILS.sub("", _OVERRIDE.sub("", _IN.sub("", text))).strip(" :\n")
    said = re.sub(r".* raised while (composing config|resolving interpolation): ?\n?", "", said).removeprefix(
        "Merge error: "
    )
    about = keys(shape)[key].about if key in keys(shape) else ""
    head = f"{override[1]}: " if override else f"{key}: " if key else ""
    return f"{head}{said}" + (f" ({about})" if about else "")


def _place(text: str, key: str, options: Options) -> str:
    """Return "FILE:LINE: " of a mistake that stands in a file, "" for one on the command line."""
    found = _IN.search(text)
    file = _file(found[1], options) if found and not _OVERRIDE.search(text) else None
    return f"{_line(file, key.rsplit('.', 1)[-1])}: " if file else ""


def _file(config: str, options: Options) -> Path | None:
    group, _, name = config.rpartition("/")
    return options.files.get(group, {}).get(name)


def _line(file: Path, word: str) -> str:
    """Return "file:line" of the first line that has `word` as a key, else as any word, else of the file."""
    lines = _text(file).splitlines()
    for pattern in (rf"\s*[\"']?{re.escape(word)}[\"']?\s*:", rf".*\b{re.escape(word)}\b"):
        for number, line in enumerate(lines, 1):
            if re.match(pattern, line) and not line.lstrip().startswith("#"):
                return f"{file}:{number}"
    return str(file)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")

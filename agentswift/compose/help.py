"""What `agentswift COMMAND --help` prints: groups and their options, every key with its value, examples."""

import shutil
from pathlib import Path
from textwrap import fill
from typing import Any, cast

import yaml
from omegaconf import OmegaConf

from agentswift.compose.app import compose_config, explained
from agentswift.compose.command_line import Asked
from agentswift.compose.keys import Key, keys

_FLAGS = """\
--cfg job         print the composed configuration and stop (--resolve: with ${...} filled in)
-m, --multirun    a sweep: one run for each of key=a,b
--config-dir DIR  a folder of options of your own, laid out as conf/
--config-name X   another primary config
--info defaults   which files the configuration comes from"""


def help_text(name: str, shape: type, doc: str, asked: Asked) -> str:
    """Return the help of command `name` for the values that it would have with the words given beside --help."""
    with explained(shape, asked):
        cfg = compose_config(name, asked, with_hydra=True)
        chosen = cast(dict[str, Any], OmegaConf.to_container(cfg.hydra.runtime.choices))
        values = {key: _value(OmegaConf.to_container(cfg, resolve=False), key) for key in keys(shape)}
    groups = [group for group in reversed(chosen) if not group.startswith("hydra") and "/" not in group]
    parts = [
        f"agentswift {name}: {doc.strip().splitlines()[0] if doc else ''}",
        f"usage: agentswift {name} [flags] [group=option] [key=value]",
        "Groups, [chosen]:\n" + "\n".join(_group(group, chosen[group], asked) for group in groups) if groups else "",
        "Keys:\n" + "\n".join(_key(key, values[key.name]) for key in keys(shape).values()),
        "Flags:\n" + _indented(_FLAGS),
        "Examples:\n" + "\n".join(f"  {example}" for example in examples(asked.options.files[""][name])),
    ]
    return "\n\n".join(part for part in parts if part)


def examples(file: Path) -> list[str]:
    """Return the command lines in the comment at the head of a primary config."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line[1:].strip() for line in lines if line.startswith("#   agentswift ")]


def _group(group: str, chosen: Any, asked: Asked) -> str:
    options = asked.options.of(group)
    words = [f"[{option}]" if option == chosen else option for option in options]
    if group == "data":
        words += ["" if chosen in options else f"[{chosen}]", "or any card: agentswift list what=datasets"]
    if chosen is None:
        words.append("[null]")
    width = max(60, shutil.get_terminal_size().columns - 2)
    return fill("  ".join(filter(None, words)), width, initial_indent=f"  {group:12}", subsequent_indent=" " * 14)


def _key(key: Key, value: str) -> str:
    return f"  {f'{key.name}={value}':44}{'  # ' + key.about if key.about else ''}"


def _value(values: Any, key: str) -> str:
    """Return a value as one would type it."""
    for word in key.split("."):
        values = None if values is None else values[word]  # a group left out: model=null
    if values == "???":
        return "(must be given)"
    if values == "${run_folder:}":
        return "runs/NAME/STAMP"
    text = yaml.safe_dump(_plain(values), default_flow_style=True, allow_unicode=True, width=10_000)
    return text.removesuffix("\n").removesuffix("...").strip()


def _plain(value: Any) -> Any:
    return getattr(value, "name", value)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())

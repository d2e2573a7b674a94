"""Options that no file in conf/ holds: each card as a data option, each experiment as a lesser command can take it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import yaml
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import OmegaConf

from agentswift.cards import Cards, find_cards
from agentswift.compose.keys import groups, keys
from agentswift.compose.search_path import Options
from agentswift.errors import CardError
from agentswift.schema.runs import Train


class MadeOptions(ConfigSource):
    """The place, first on Hydra's search path, of options made from something else: "data/ms-bench" → its values."""

    nodes: ClassVar[dict[str, dict[str, Any]]] = {}

    @staticmethod
    def scheme() -> str:
        return "made"

    def load_config(self, config_path: str) -> ConfigResult:
        name = config_path.removesuffix(".yaml")
        header: dict[str, str | None] = {"package": "_global_" if name.startswith("experiment/") else None}
        return ConfigResult("agentswift", self.full_path(), OmegaConf.create(self.nodes[name]), header)

    def available(self) -> bool:
        return True

    def is_group(self, config_path: str) -> bool:
        return any(name.startswith(f"{config_path.rstrip('/')}/") for name in self.nodes)

    def is_config(self, config_path: str) -> bool:
        return config_path.removesuffix(".yaml") in self.nodes

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        if results_filter is ObjectType.GROUP:
            return []
        group = f"{config_path.rstrip('/')}/"
        return sorted(name.removeprefix(group) for name in self.nodes if name.startswith(group))


def make_card_options(folders: Sequence[str], options: Options) -> Cards:
    """Make data=NAME an option for every card: data=card with that part. Raises CardError for a name that is both."""
    cards = find_cards(folders)
    for name, card in cards.items():
        if file := options.files.get("data", {}).get(name):
            raise CardError(f"{card.source}: the card {name!r} is also an option, {file}. New names only: rename one")
        MadeOptions.nodes[f"data/{name}"] = {"defaults": ["card"], "parts": {name: 1.0}}
    return cards


def make_experiments(shape: type, options: Options) -> None:
    """Let `shape` take train's experiments: what only train has is left out of them, a typo is not."""
    lacking = (keys(Train).keys() - keys(shape).keys()) | (groups(Train).keys() - groups(shape).keys())
    for name, file in options.files.get("experiment", {}).items() if lacking else ():
        values = _read(file)
        kept = {key: value for key, value in values.items() if key not in lacking and key != "defaults"}
        kept["defaults"] = [entry for entry in values.get("defaults", []) if _group(entry) not in lacking]
        MadeOptions.nodes[f"experiment/{name}"] = kept


def registry_in(files: Iterable[Path]) -> list[str]:
    """Return the `registry` of the first file that has one: an experiment or a primary config of the user's."""
    for file in files:
        if isinstance(folders := _read(file).get("registry"), list) and folders:
            return [str(folder) for folder in folders]
    return []


def _read(file: Path) -> dict[str, Any]:
    try:
        values = yaml.load(file.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, ValueError, yaml.YAMLError):
        return {}  # Hydra reads the file again, and says what is wrong with it
    return values if isinstance(values, dict) else {}


def _group(entry: Any) -> str:
    """Return the group that an entry of a defaults list is about: "override /model: llama3" → "model"."""
    word = next(iter(entry)) if isinstance(entry, dict) else str(entry)
    return str(word).split()[-1].lstrip("/").partition("@")[0]

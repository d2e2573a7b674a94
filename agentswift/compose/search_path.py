"""Where options are looked for: ours, those of installed plugins, and --config-dir. New names only."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.hydra_config import HydraConfig
from hydra.plugins.search_path_plugin import SearchPathPlugin

from agentswift.errors import UsageError


class PluginConf(SearchPathPlugin):
    """Put made options first, and let installed packages add theirs: `agentswift.plugins = acme = acme_agents`.

    Made ones (options.MadeOptions) must be found before files: an experiment is cut to what a command has.
    """

    config_dir: ClassVar[str | None] = None  # set while composing without hydra.main

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        search_path.prepend(provider="agentswift", path="made://")
        for name, package in plugins():
            search_path.append(provider=name, path=f"pkg://{package}.conf")
        if self.config_dir is not None:
            search_path.append(provider="command-line", path=f"file://{os.path.abspath(self.config_dir)}")


def plugins() -> Iterator[tuple[str, str]]:
    """Yield the name and package of each installed plugin that has a conf/ folder."""
    for point in sorted(entry_points(group="agentswift.plugins"), key=lambda p: p.name):
        package = point.value.partition(":")[0]
        if (spec := find_spec(f"{package}.conf")) and spec.submodule_search_locations:
            yield point.name, package


@dataclass(frozen=True)
class Options:
    """Every option there is, by group ("" holds the primary configs), and the file of each."""

    files: dict[str, dict[str, Path]]

    @property
    def groups(self) -> list[str]:
        return sorted(group for group in self.files if group)

    def of(self, group: str) -> list[str]:
        """Return the options of `group`, none for a group there is not."""
        return sorted(self.files.get(group, {}))


def find_options(config_dir: str | None) -> Options:
    """Return the options of the whole search path. Raises UsageError for a name in two places: one would be unheard."""
    found: dict[str, dict[str, Path]] = {}
    for folder in _folders(config_dir):
        for file in sorted(folder.rglob("*.yaml")):
            group = file.relative_to(folder).parent.as_posix().removeprefix(".")
            here = found.setdefault(group, {})
            if file.stem in here:
                name = f"{group}={file.stem}" if group else file.stem
                raise UsageError(
                    f"{file}: {name} is already in {here[file.stem]}, which would win unheard. "
                    "New names only: rename the file"
                )
            here[file.stem] = file
    return Options(found)


def options_here() -> Options:
    """Return the options of the command that is running: with its --config-dir, where it was given one."""
    sources = HydraConfig.get().runtime.config_sources if HydraConfig.initialized() else []
    given = [source.path for source in sources if source.provider == "command-line"]
    return find_options(given[0] if given else None)


def _folders(config_dir: str | None) -> Iterator[Path]:
    """Yield each folder once, though --config-dir name one of ours."""
    folders = [Path(path) for package in ("agentswift", *(p for _, p in plugins())) for path in _conf(package)]
    if config_dir is not None:
        if not Path(config_dir).is_dir():
            raise UsageError(f"--config-dir: no folder {config_dir}")
        folders.append(Path(config_dir))
    seen: dict[Path, Path] = {}
    for folder in folders:
        seen.setdefault(folder.resolve(), folder)
    yield from seen.values()


def _conf(package: str) -> list[str]:
    spec = find_spec(f"{package}.conf")
    return list(spec.submodule_search_locations or []) if spec else []

"""argv → what a command was asked: Hydra's flags, and its words read against the command's shape."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser

from agentswift.compose.keys import groups, keys
from agentswift.compose.options import MadeOptions, make_card_options, make_experiments, registry_in
from agentswift.compose.search_path import Options, find_options
from agentswift.compose.suggestions import unknown_key
from agentswift.compose.words import Words
from agentswift.errors import UsageError


@dataclass(frozen=True)
class Asked:
    """One reading of argv."""

    args: Namespace  # as Hydra's own parser has them
    flags: list[str]  # as typed: --config-dir my/conf, -m
    overrides: list[str]  # as Hydra should read them
    options: Options
    datasets: list[str]  # names of cards, each an option of data

    @property
    def argv(self) -> list[str]:
        """Flags first: Hydra reads only overrides that stand together."""
        return [*self.flags, *self.overrides]


def read_argv(argv: Sequence[str], name: str, shape: type) -> Asked:
    """Read `argv`, flags and overrides in any order. Raises UsageError for every word that is wrong, at once."""
    args, stray = get_args_parser().parse_known_intermixed_args(list(argv))
    if sum(map(bool, (args.run, args.multirun, args.cfg, args.info))) > 1:
        raise UsageError("give one of --run, --multirun, --cfg and --info")
    if stray:
        raise UsageError(_dashes(stray[0], argv, shape))
    words, flags = list(args.overrides), list(argv)
    for word in words:
        flags.remove(word)
    options = find_options(args.config_dir)
    MadeOptions.nodes.clear()  # those of another command in this process
    if not args.shell_completion:  # half a line: Hydra completes it as it stands
        words = Words(shape, options, args.multirun or "hydra.mode=MULTIRUN" in words).read(words)
    datasets: list[str] = []
    if "data" in groups(shape):
        datasets += make_card_options(_registry(words, args.config_name or name, options), options)
    make_experiments(shape, options)
    return Asked(args, flags, words, options, datasets)


def _dashes(flag: str, argv: Sequence[str], shape: type) -> str:
    """Say how `flag`, written as for `swift sft`, is written here."""
    name, equals, value = flag.lstrip("-").partition("=")
    name, after = name.replace("-", "_"), [*argv, ""][list(argv).index(flag) + 1]
    if not equals and after and "=" not in after and not after.startswith("-"):
        flag, value = f"{flag} {after}", after
    meant = f"{name}={value or 'VALUE'}" if name in keys(shape) else unknown_key(name, shape)
    return f"{flag}: keys are written without dashes: {meant}"


def _registry(words: Sequence[str], config: str, options: Options) -> list[str]:
    """Return the folders of `registry`: the command line's, else the experiment's, else the primary config's."""
    if isinstance(folders := _value(words, "registry"), list):
        return [str(folder) for folder in folders]
    experiment = _value(words, "experiment")
    files = (options.files.get("experiment", {}).get(str(experiment)), options.files.get("", {}).get(config))
    return registry_in(file for file in files if file)


def _value(words: Sequence[str], key: str) -> Any:
    """Return the value that the last word for `key` gives, None without one."""
    found = [word for word in words if word.startswith(f"{key}=")]
    return OverridesParser.create().parse_override(found[-1]).value() if found else None

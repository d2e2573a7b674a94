"""`agentswift convert to=cards` and `to=experiment`: others' dataset lists and training commands into ours."""

import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from agentswift.errors import OutputError, UsageError
from agentswift.files import write_text
from agentswift.schema.runs import Convert, Train


def cards(run: Convert) -> int:
    """Write the cards of a dataset_info.json, and say what could be none."""
    from agentswift.cards import find_cards
    from agentswift.convert.dataset_lists import list_yaml, read_list

    given, file = Path(run.path).expanduser(), _yaml_file(run)
    known = find_cards(run.registry)
    for name in [name for name, card in known.items() if Path(card.source.rpartition(":")[0]).absolute() == file]:
        del known[name]  # this file's own, which is written anew
    listed = read_list(given, file.parent, known)
    if listed.cards:
        _write(file, list_yaml(listed, given.name))
    _print(listed.partly, "left out of the card")
    _print(listed.lost, "no card")
    lost = len({name for name, _ in listed.lost})
    written = f"{len(listed.cards)} cards written to {run.file}" if listed.cards else "no card, and nothing written"
    print(f"{written}; {lost} entries have no counterpart")
    if listed.cards:
        there = shlex.quote(f"registry=[{file.parent}]")
        print(f"Next: agentswift check data={listed.cards[0]['name']} {there}")
    return 0 if listed.cards else 1


def experiment(run: Convert) -> int:
    """Write the experiment that a training command becomes, and say what became of each argument."""
    from agentswift.cards import find_cards
    from agentswift.compose.search_path import options_here
    from agentswift.compose.suggestions import unknown_argument
    from agentswift.convert.experiment import experiment as converted
    from agentswift.convert.experiment import experiment_yaml
    from agentswift.convert.settings import House
    from agentswift.convert.training_command import read_command

    given, file = Path(run.path).expanduser(), _yaml_file(run)
    house = House(find_cards(run.registry), options_here().of, partial(unknown_argument, shape=Train))
    settings = converted(read_command(given), house)
    _write(file, experiment_yaml(settings, given.name))
    for argument, became in settings.said:
        print(f"  {argument}  →  {became}")
    _print(settings.lost, "no counterpart")
    lost = f"{len(settings.lost)} have no counterpart, as its comments say" if settings.lost else "nothing is lost"
    print(f"{file.stem} is written to {run.file}; {lost}")
    folder = shlex.quote(str(file.parents[1])) if file.parent.name == "experiment" else "FOLDER"
    if folder == "FOLDER":
        print(f"Move it to FOLDER/experiment/{file.name}, a folder of options of your own, to train it:")
    print(f"Next: agentswift train --config-dir {folder} experiment={file.stem} dry_run=true")
    return 0


def _yaml_file(run: Convert) -> Path:
    """Return where it is written. Raises UsageError for another ending, OutputError for a file that is there."""
    file = Path(run.file).expanduser().absolute()
    if file.suffix not in (".yaml", ".yml") or (run.to == "experiment" and file.suffix == ".yml"):
        raise UsageError(f"file={run.file}: to={run.to} is written as .yaml")
    if file.exists() and not run.overwrite:
        raise OutputError(f"{run.file} is there already. overwrite=true writes it anew")
    return file


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{file.parent}: cannot be made: {error.strerror}") from error
    write_text(file, text)


def _print(said: Sequence[tuple[str, str]], title: str) -> None:
    from agentswift.report.visible import visible

    if said:
        print(f"{title}:")
    for name, what in said:
        print(visible(f"  {name}: {what}".replace("\n", " ")))

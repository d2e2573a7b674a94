"""`agentswift COMMAND [group=option] [key=value]`: choose the command, hand the rest to compose."""

import os
import sys

COMMANDS = {
    "train": "fine-tune a model on a mix of agent data",
    "export": "merge an adapter into its base model",
    "eval": "score the tool calls a checkpoint makes on held-out rows",
    "show": "draw tokens by field and weight, as train would read them",
    "stats": "say what a mix holds, in figures",
    "check": "find the rows that are wrong, and say why",
    "convert": "turn rows, dataset lists and training commands of others into ours, and rows back",
    "list": "list datasets, models, templates, loss scales, experiments",
    "register": "make a dataset of your own known by a name",
}


def usage() -> str:
    """What `agentswift` alone prints."""
    rows = "\n".join(f"  {name:10}{about}" for name, about in COMMANDS.items())
    return (
        f"usage: agentswift COMMAND [group=option] [key=value]\n\n{rows}\n\n"
        "agentswift COMMAND --help lists its groups, options, keys and examples.\n"
        'Shell completion: eval "$(agentswift train -sc install=bash)"'
    )


def main() -> None:
    """Run the command that argv names; exit status 2 for one there is not."""
    # A completing shell calls `agentswift -sc query=bash`: what is being typed is in COMP_LINE.
    completing = sys.argv[1:3] == ["-sc", "query=bash"]
    words = os.environ.get("COMP_LINE", "").split() if completing else sys.argv
    name = words[1] if len(words) > 1 else ""
    if name not in COMMANDS:
        if completing:
            print(" ".join(command for command in COMMANDS if command.startswith(name)))
            return
        sys.exit(_without_command(name))
    if completing:
        os.environ["COMP_LINE"] = os.environ["COMP_LINE"].replace(f" {name}", "", 1)
    else:
        del sys.argv[1]
    _run(name)


def _run(name: str) -> None:
    from importlib import import_module
    from importlib.util import find_spec

    if find_spec("agentswift.conf") is None:
        print("agentswift is not installed here: run `pip install -e .` in the checkout", file=sys.stderr)
        sys.exit(2)
    import_module(f"agentswift.commands.{name}").main()


def _without_command(name: str) -> int:
    """Answer what is no command; return the exit status."""
    if name in ("", "-h", "--help", "help"):
        print(usage())
        return 0
    if name in ("--version", "-V"):
        from agentswift import __version__

        print(f"agentswift {__version__}")
        return 0
    from agentswift.errors import did_you_mean

    print(f"agentswift: no command {name!r}.{did_you_mean(name, COMMANDS, otherwise='Commands: ')}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()

"""For plain `swift sft --external_plugins FILE`: our agent templates, loss scales and loss in ms-swift's registries.

`python -m agentswift.engine.plugin` prints FILE. Everything of ours is there under names that begin with `agentswift_`:
`--agent_template agentswift_hermes --loss_scale agentswift_react`. Nothing else of ms-swift changes.
"""

from pathlib import Path

PREFIX = "agentswift_"


def plugin_file() -> Path:
    """Return the file that `--external_plugins` asks for."""
    return Path(__file__).with_name("agentswift_plugin.py")

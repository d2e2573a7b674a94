"""Puts all of ours into ms-swift's registries; importing it is enough, and importing it twice does nothing more.

A loss scale of one's own is a YAML like those in conf/loss_scale, named in AGENTSWIFT_LOSS_SCALES (files and folders,
`:` between them), or given to `register_loss_scale` by a plugin of one's own. New names only.
"""

import os
from importlib.resources import files
from pathlib import Path

from swift.agent_template import agent_template_map
from swift.loss_scale import loss_scale_map
from swift.template import TEMPLATE_MAPPING
from swift.trainers import TrainerFactory

from agentswift.agent_templates import AGENT_TEMPLATES
from agentswift.engine.plugin import PREFIX, templates
from agentswift.engine.plugin import agent_templates as adapters
from agentswift.engine.plugin.loss_scales import Named, read_scale
from agentswift.errors import UsageError

VARIABLE = "AGENTSWIFT_LOSS_SCALES"


def register_loss_scale(file: str | Path) -> str:
    """Register a YAML of fields and weights, or a JSON of ms-swift's; return the name for `--loss_scale`.

    Raises UsageError for a name taken.
    """
    scale = read_scale(Path(file))
    name = PREFIX + scale.name
    taken = loss_scale_map.get(name)
    if taken is not None and taken.scale.json() != scale.json():
        raise UsageError(f"{file}: there is a loss scale {scale.name!r} already; give this one another name")
    loss_scale_map[name] = Named(scale)
    return name


def _loss_scales() -> None:
    for option in sorted((files("agentswift.conf") / "loss_scale").iterdir(), key=lambda entry: entry.name):
        if option.name.endswith(".yaml"):
            register_loss_scale(str(option))
    for path in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        given = Path(path).expanduser()
        if not given.exists():
            raise UsageError(f"{VARIABLE}: {path} is not there; give YAML or JSON files, or folders of them")
        for file in sorted([*given.glob("*.yaml"), *given.glob("*.json")]) if given.is_dir() else [given]:
            register_loss_scale(file)


def register() -> None:
    """Put everything into ms-swift's registries; done once at import, again only by tests."""
    for name in AGENT_TEMPLATES:
        agent_template_map.setdefault(PREFIX + name, adapters.adapter(name))
    _loss_scales()
    for meta in TEMPLATE_MAPPING.values():
        meta.template_cls = templates.exact(meta.template_cls)
    TrainerFactory.TRAINER_MAPPING["causal_lm"] = "agentswift.engine.plugin.trainer.PluginTrainer"


register()

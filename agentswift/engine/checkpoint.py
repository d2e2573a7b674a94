"""A model as a checkpoint says it is: its base, the adapter over it, its chat template and agent template."""

from dataclasses import dataclass, replace
from pathlib import Path

from agentswift.checkpoints import Manifest, find_checkpoint, read_manifest
from agentswift.engine.look import look
from agentswift.engine.prepare import Spoken, spoken
from agentswift.schema.groups import Hub, Model, Template, Thinking


@dataclass(frozen=True)
class Trained:
    """A checkpoint ready to be loaded. `adapter` None: its own folder holds whole weights."""

    folder: Path
    manifest: Manifest
    spoken: Spoken
    adapter: Path | None


def trained(checkpoint: str, model: Model, hub: Hub) -> Trained:
    """Find `checkpoint` (or the best of a run's folder) and what it says of itself; `model` gives dtype and trust.

    The manifest's base model, model type and templates hold, whatever `model` says.
    Raises CheckpointError, and ModelError where its folder or its base's may not be loaded.
    """
    folder = find_checkpoint(checkpoint)
    manifest = read_manifest(folder)
    whole = manifest.merged or manifest.tuner_type == "full"
    look(folder, model.trust_remote_code)
    said = replace(
        model,
        model=str(folder) if whole else manifest.model,
        revision=manifest.revision,
        model_type=manifest.model_type,
        template=manifest.template,
    )
    template = Template(agent_template=manifest.agent_template, thinking=Thinking(manifest.thinking))
    return Trained(folder, manifest, spoken(said, template, hub), None if whole else folder)

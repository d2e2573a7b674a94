"""What each checkpoint says of itself, written beside what ms-swift writes."""

from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from agentswift.checkpoints import Manifest, write_manifest
from agentswift.redact import scrub_file


class ManifestCallback(TrainerCallback):  # type: ignore[misc]
    """Writes agentswift.json into each checkpoint once ms-swift has written the rest of it."""

    def __init__(self, manifest: dict[str, Any]) -> None:
        self.manifest = manifest

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Runs on every rank; the master writes."""
        if state.is_world_process_zero:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            if (settings := folder / "args.json").is_file():
                scrub_file(settings)  # ms-swift writes every argument it was given
            write_manifest(folder, Manifest(step=state.global_step, **self.manifest))

"""Facts about the models that conf/ names: their ids on both hubs, and what ms-swift calls them."""

from dataclasses import dataclass
from pathlib import Path

from agentswift.documents import packaged_folder, read_documents, shaped
from agentswift.errors import CardError


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """Facts about one model. Ids are empty where a hub has it not; smollm2 is the embedded one."""

    name: str
    modelscope: str = ""  # id, OWNER/NAME
    huggingface: str = ""  # id, OWNER/NAME
    model_type: str  # ms-swift's
    template: str  # the chat template, ms-swift's name
    license: str = ""
    size: str = ""  # parameters, as in "8B"
    about: str = ""  # one line
    facts: str = ""  # where the facts above were read
    source: str = ""  # file:line


def find_models(folder: Path | None = None) -> dict[str, ModelFacts]:
    """Return the facts in `folder` (ours, registry/models) by name. Raises CardError for wrong or doubled ones."""
    models: dict[str, ModelFacts] = {}
    for document in read_documents(folder or packaged_folder() / "models"):
        model = shaped(document, ModelFacts, source=document.at())
        if model.name in models:
            raise CardError(f"{model.source}: {model.name!r} is already described at {models[model.name].source}")
        models[model.name] = model
    return models

"""ms-swift with our plugin in it, in this process, taken out again after the tests that ask for it."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from agentswift.engine.embedded import tiny


@contextmanager
def plugged_in() -> Iterator[None]:
    """Register all of ours; put the registries back as they were behind it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # third parties' own, while they are imported
        from swift.agent_template import agent_template_map
        from swift.loss_scale import loss_scale_map
        from swift.template import TEMPLATE_MAPPING
        from swift.trainers import TrainerFactory

        registries: list[dict[str, Any]] = [agent_template_map, loss_scale_map, TrainerFactory.TRAINER_MAPPING]
        before = [dict(registry) for registry in registries]
        classes = {name: meta.template_cls for name, meta in TEMPLATE_MAPPING.items()}
        from agentswift.engine.plugin.register import register

        register()
    try:
        yield
    finally:
        for registry, entries in zip(registries, before, strict=True):
            registry.clear()
            registry.update(entries)
        for name, theirs in classes.items():
            TEMPLATE_MAPPING[name].template_cls = theirs


@cache
def _processor() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from swift.model import get_processor

        return get_processor(str(tiny()), model_type="llama")


def template(agent_template: str | None, loss_scale: str = "default", chat: str = "chatml", **settings: Any) -> Any:
    """Return ms-swift's template of the tiny model, in training mode."""
    from swift.template import get_template

    made = get_template(
        _processor(), template_type=chat, agent_template=agent_template, loss_scale=loss_scale, **settings
    )
    made.set_mode("train")
    return made

"""ms-swift's own template object, as the worker has it, on the tiny model."""

import warnings
from functools import cache
from typing import Any

from agentswift.engine.embedded import tiny


@cache
def _processor() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # third parties' own, while they are imported
        from swift.model import get_processor

        return get_processor(str(tiny()), model_type="llama")


def swift_template(packing: bool = False, loss_scale: str = "default") -> Any:
    """Return a new chatml template in training mode."""
    processor = _processor()
    from swift.template import get_template

    made = get_template(processor, template_type="chatml", padding_free=packing, loss_scale=loss_scale)
    made.set_mode("train")
    made.packing = packing
    return made

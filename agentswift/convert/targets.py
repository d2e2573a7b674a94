"""What rows can be converted to: a row layout that is written too, or an agent template's text."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from agentswift.agent_templates import AGENT_TEMPLATES
from agentswift.conversation import Conversation
from agentswift.convert.losses import Loss, losses
from agentswift.convert.text import text_losses, write_text
from agentswift.errors import RowError, UsageError, did_you_mean
from agentswift.formats import FORMATS, Format


@dataclass(frozen=True)
class Target:
    """`write` raises RowError for a conversation that cannot be written; `lost` finds what a row does not hold."""

    name: str
    is_text: bool  # an agent template's text, rather than a layout that keeps calls as data
    write: Callable[[Conversation], dict[str, Any]]
    lost: Callable[[Conversation, dict[str, Any]], Iterator[Loss]]


def find_target(name: str, *, segments: bool) -> Target:
    """Return the target of that name. Raises UsageError with the nearest of those there are."""
    if name in AGENT_TEMPLATES:
        template = AGENT_TEMPLATES[name]
        return Target(
            name,
            True,
            partial(write_text, template, segments=segments),
            lambda conversation, _: text_losses(template, conversation, segments=segments),
        )
    layout = FORMATS.get(name)
    if layout is None or layout.write is None:
        said = f"the layout {name} is read, not written" if layout else f"nothing is converted to {name!r}"
        raise UsageError(f"to={name}: {said}.{did_you_mean(name, target_names(), otherwise='Targets: ')}")
    return Target(name, False, layout.write, partial(_lost_in, layout))


def target_names() -> list[str]:
    """Return the names of all targets of rows."""
    return [*(name for name, layout in FORMATS.items() if layout.write is not None), *AGENT_TEMPLATES]


def _lost_in(layout: Format, given: Conversation, row: dict[str, Any]) -> Iterator[Loss]:
    try:
        back = layout.read(row)
    except RowError as error:
        yield Loss("lost-content", error.path, f"what {layout.name} would hold cannot be read back: {error}")
        return
    yield from losses(given, back)

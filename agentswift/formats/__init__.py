"""One row layout a module: row → Conversation, and back where the layout is written too."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agentswift.conversation import Conversation
from agentswift.errors import RowError, UsageError, did_you_mean
from agentswift.formats import agentfabric, alpaca, messages, ms_agent, react, sharegpt, toolbench


@dataclass(frozen=True)
class Format:
    """A row layout. `read` raises RowError for a row that is not what the layout says; `matches` never raises."""

    name: str
    about: str
    read: Callable[[Mapping[str, Any]], Conversation]
    matches: Callable[[Mapping[str, Any]], bool]
    write: Callable[[Conversation], dict[str, Any]] | None = None


# In order of detection: layouts known by their wording before those known by their keys.
_ALL = (
    Format("toolbench", "ToolLLaMA's prompt, results in function messages", toolbench.read, toolbench.matches),
    Format(
        "agentfabric", "AgentFabric's prompts, zh and en: <result>…</result>", agentfabric.read, agentfabric.matches
    ),
    Format("ms_agent", "iic/ms_agent: ReAct prompt, results within the answer", ms_agent.read, ms_agent.matches),
    Format("react", "ReAct text in messages or alpaca; FireAct's layouts", react.read, react.matches),
    Format("messages", "role/content, OpenAI tool_calls or tool_call", messages.read, messages.matches, messages.write),
    Format("sharegpt", "from/value, function_call and observation", sharegpt.read, sharegpt.matches),
    Format("alpaca", "instruction/input/output, or query/response", alpaca.read, alpaca.matches),
)
FORMATS: dict[str, Format] = {layout.name: layout for layout in _ALL}


def find_format(name: str) -> Format:
    """Return the format of that name. Raises UsageError with the nearest names."""
    if name not in FORMATS:
        raise UsageError(f"no format {name!r}.{did_you_mean(name, FORMATS, otherwise='Formats: ')}")
    return FORMATS[name]


def detect(values: Mapping[str, Any]) -> Format:
    """Return the first format, the most particular first, that a row matches. Raises RowError saying what was seen."""
    for layout in _ALL:
        if layout.matches(values):
            return layout
    raise RowError(
        f"a row of no known format: its keys are {', '.join(map(str, values)) or 'none'}",
        rule="unknown-format",
        fix=f"name one (format=…): {', '.join(FORMATS)}; or write a reader in your registry",
    )

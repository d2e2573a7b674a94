"""One row layout a module: row → Conversation, and back where the layout is written too."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agentswift.conversation import Conversation
from agentswift.errors import RowError, UsageError, did_you_mean
from agentswift.formats import (
    agentfabric,
    agentflan,
    ai_agent,
    alpaca,
    anthropic,
    api_bank,
    bfcl,
    glaive,
    lagent,
    messages,
    ms_agent,
    ms_bench,
    ms_swift,
    msagent_bench,
    react,
    sharegpt,
    toolace,
    toolbench,
    xlam,
)


@dataclass(frozen=True)
class Format:
    """A row layout. `read` raises RowError for a row that is not what the layout says; `matches` never raises."""

    name: str
    about: str
    read: Callable[[Mapping[str, Any]], Conversation]
    matches: Callable[[Mapping[str, Any]], bool]
    write: Callable[[Conversation], dict[str, Any]] | None = None


def _never(row: Mapping[str, Any]) -> bool:
    """No row tells it from another layout: a card names it."""
    return False


# In order of detection: layouts known by their wording before those known by their keys.
_DETECTED = (
    Format(
        "agentflan", "Agent-FLAN: `conversation` with loss; results as user turns", agentflan.read, agentflan.matches
    ),
    Format("toolbench", "ToolLLaMA's prompt, results in function or tool messages", toolbench.read, toolbench.matches),
    Format(
        "agentfabric", "AgentFabric's prompts, zh and en: <result>…</result>", agentfabric.read, agentfabric.matches
    ),
    Format(
        "ai_agent",
        "a ReAct prompt that ends with the question, results in triple quotes",
        ai_agent.read,
        ai_agent.matches,
    ),
    Format("ms_agent", "iic/ms_agent: ReAct prompt, results within the answer", ms_agent.read, ms_agent.matches),
    Format("lagent", "lagent's prompts, results as system messages: Response:", lagent.read, lagent.matches),
    Format(
        "msagent_bench",
        "damo/MSAgent-Bench: <|startofthink|>, <|startofexec|>",
        msagent_bench.read,
        msagent_bench.matches,
    ),
    Format("toolace", "ToolACE, APIGen: calls as [name(key=value)] in text", toolace.read, toolace.matches),
    Format("api_bank", "API-Bank: a dialogue with API-Request: lines", api_bank.read, api_bank.matches),
    Format("react", "ReAct text in messages or alpaca; FireAct's layouts", react.read, react.matches),
    Format("anthropic", "blocks: tool_use, tool_result, thinking", anthropic.read, anthropic.matches),
    Format("glaive", "glaive's own text: USER:, ASSISTANT:, <functioncall>", glaive.read, glaive.matches),
    Format("xlam", "query, tools, answers", xlam.read, xlam.matches, xlam.write),
    Format("bfcl", "BFCL's questions, with ground_truth or without", bfcl.read, bfcl.matches),
    Format("messages", "role/content, OpenAI tool_calls or tool_call", messages.read, messages.matches, messages.write),
    Format("sharegpt", "from/value, function_call and observation", sharegpt.read, sharegpt.matches, sharegpt.write),
    Format("alpaca", "instruction/input/output, or query/response", alpaca.read, alpaca.matches, alpaca.write),
)
# The layouts above under the names that people look for, or with a rule that no single row shows.
_NAMED = (
    Format("openai", "messages, by its other name", messages.read, _never, messages.write),
    Format("ms_swift", "messages, written with tool_call and tool_response", messages.read, _never, ms_swift.write),
    Format("query_response", "alpaca: query, response, history", alpaca.read, _never),
    Format("coig_cqia", "alpaca: instruction, input, output, and facts beside them", alpaca.read, _never),
    Format("self_cognition", "alpaca: with {{NAME}} and {{AUTHOR}}, or <NAME> and <AUTHOR>", alpaca.read, _never),
    Format("ms_bench", "sharegpt: without the rows that ms-swift leaves out", ms_bench.read, _never),
)
FORMATS: dict[str, Format] = {layout.name: layout for layout in (*_DETECTED, *_NAMED)}


def find_format(name: str) -> Format:
    """Return the format of that name. Raises UsageError with the nearest names."""
    if name not in FORMATS:
        raise UsageError(f"no format {name!r}.{did_you_mean(name, FORMATS, otherwise='Formats: ')}")
    return FORMATS[name]


def detect(values: Mapping[str, Any]) -> Format:
    """Return the first format, the most particular first, that a row matches. Raises RowError saying what was seen."""
    for layout in _DETECTED:
        if layout.matches(values):
            return layout
    raise RowError(
        f"a row of no known format: its keys are {', '.join(map(str, values)) or 'none'}",
        rule="unknown-format",
        fix=f"name one (format=…): {', '.join(FORMATS)}; or write a reader in your registry",
    )

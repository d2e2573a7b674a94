"""A row's conversation as it grows, and how long it is."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scripts.quickstart.tools import Tool
from scripts.quickstart.values import Split

# By `reckon_tokens`, which is within 22 of SmolLM2's tokenizer with the hermes agent template. Short prompts keep the
# demo short; of a held-out row nothing but the prompt is run. Two calls in one row cost less than a row for each, and
# a tool with many arguments would never be trained within the first limit.
MAX_PROMPT, MAX_ROW, MAX_ROW_SEVERAL_OR_ALONE, MAX_ROW_HELD = 282, 300, 345, 400
# What a piece of text costs, fitted to SmolLM2's tokenizer on these rows: a word, a name, letters of a code, ...
COSTS = (
    (re.compile(r"[a-z]+"), 1.0),
    (re.compile(r"[A-Z][a-z]+"), 1.35),
    (re.compile(r"[A-Z](?![a-z])"), 0.65),
    (re.compile(r"\d"), 1.06),
    (re.compile(r"[\u4e00-\u9fff]"), 2.0),
    (re.compile(r"[\u3000-\u303f\uff00-\uffef]"), 0.8),
    (re.compile(r"[^\sA-Za-z0-9\u3000-\uffef]+"), 1.11),
)


@dataclass
class Talk:
    """A conversation as it grows; `ends` are the lengths at which it may be cut, after calls and after answers."""

    tools: list[Tool]
    case: str
    templates: list[str]
    messages: list[dict[str, Any]]

    def user(self, text: str) -> None:
        """Let the user speak."""
        self.messages.append({"role": "user", "content": text})

    def call(self, *calls: tuple[Tool, Mapping[str, Any]]) -> None:
        """Let the agent call, all at once; ids go on through the row."""
        start = sum(len(m.get("tool_calls", ())) for m in self.messages)
        told = [
            {
                "id": f"call_{start + i}",
                "type": "function",
                "function": {"name": tool.name, "arguments": json.dumps(arguments, ensure_ascii=False)},
            }
            for i, (tool, arguments) in enumerate(calls)
        ]
        self.messages.append({"role": "assistant", "content": None, "tool_calls": told})

    def see(self, *results: str) -> None:
        """Answer the last calls, in order."""
        calls = self.messages[-1]["tool_calls"]
        self.messages += [
            {"role": "tool", "tool_call_id": call["id"], "content": result}
            for call, result in zip(calls, results, strict=True)
        ]

    def say(self, text: str) -> None:
        """Let the agent answer in words."""
        self.messages.append({"role": "assistant", "content": text})

    def row(self) -> dict[str, Any]:
        """The row, without its id."""
        return {
            "language": self.tools[0].language,
            "case": self.case,
            "template": "+".join(self.templates),
            "tools": [tool.declared for tool in self.tools],
            "messages": self.messages,
        }


def reckon_tokens(row: Mapping[str, Any]) -> int:
    """Return about how many tokens a row is: of the fixed words of hermes, the tools and the messages."""
    tokens = 112
    for tool in row["tools"]:
        tokens += _count(json.dumps(tool, ensure_ascii=False))
    for message in row["messages"]:
        tokens += 5 + _count(message["content"] or "") + (11 if message["role"] == "tool" else 0)
        for call in message.get("tool_calls", ()):
            tokens += 21 + _count(call["function"]["name"]) + _count(call["function"]["arguments"])
    return tokens


def fits(row: Mapping[str, Any], split: Split) -> bool:
    """Return whether a row and what the agent reads first are short enough."""
    prompt = {**row, "messages": row["messages"][:1]}
    if split == "held":
        longest = MAX_ROW_HELD
    elif row["case"] == "several_calls" or len(row["tools"]) == 1:
        longest = MAX_ROW_SEVERAL_OR_ALONE
    else:
        longest = MAX_ROW
    return reckon_tokens(prompt) <= MAX_PROMPT and reckon_tokens(row) <= longest


def _count(text: str) -> int:
    return round(sum(cost * len(piece.findall(text)) for piece, cost in COSTS))

"""How a step's text stands in what a template writes: as it is, or within JSON."""

from agentswift.agent_templates.calls import json_string

_IN_JSON = {"toolbench": ("answer",), "agentflan": ("thought", "answer", "observation")}


def spelled(template: str, kind: str, text: str) -> str:
    """Return `text` of a step of that kind as the template spells it."""
    return json_string(text) if kind in _IN_JSON.get(template, ()) else text

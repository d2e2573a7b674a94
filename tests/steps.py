"""Steps in few words, and a piece drawn: what the tests of agent templates and of native write conversations with."""

from agentswift.agent_templates.calls import json_string
from agentswift.agent_templates.spans import Piece
from agentswift.conversation import Step

_IN_JSON = {"toolbench": ("answer",), "agentflan": ("thought", "answer", "observation")}


def spelled(template: str, kind: str, text: str) -> str:
    """Return `text` of a step of that kind as the template spells it: as it is, or within JSON."""
    return json_string(text) if kind in _IN_JSON.get(template, ()) else text


def thought(text: str) -> Step:
    """Return a thought."""
    return Step(kind="thought", text=text)


def call(tool: str = "amap_weather", **arguments: object) -> Step:
    """Return a call."""
    return Step(kind="call", tool=tool, arguments=arguments)


def result(text: str) -> Step:
    """Return what a call gave back."""
    return Step(kind="observation", text=text)


def answer(text: str) -> Step:
    """Return an answer."""
    return Step(kind="answer", text=text)


def drawn(piece: Piece) -> list[tuple[str, str, int]]:
    """Return field, text and step of each span."""
    return [(span.field, piece.text[span.start : span.end], span.step) for span in piece.spans]


TURN = [
    thought("我来查询天气。"),
    call(location="朝阳区", detail={"days": [1, 2]}),
    result("晴，25度"),
    answer("朝阳区今天晴。"),
]

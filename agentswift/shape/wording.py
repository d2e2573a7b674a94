"""What an agent says when it cannot act: it has no tool for that, or does not know an argument. Chinese and English."""

import re
from collections.abc import Mapping
from random import Random
from typing import Any, Literal

from agentswift.mix.words import is_unspaced, words

Language = Literal["zh", "en"]

NO_TOOL: dict[Language, tuple[str, ...]] = {
    "en": (
        "I'm sorry, none of the tools I have can do that.",
        "I can't do this: I have no tool for it. Is there something else I can help with?",
        "That is beyond the tools available to me, and I would rather not guess.",
        "I don't have a tool for this request. If you can give me the information, I'll gladly go on from there.",
        "Unfortunately I have nothing at hand to find that out. Would you like me to help in another way?",
    ),
    "zh": (
        "抱歉，我现有的工具做不到这一点。",
        "这件事我做不了：我没有相应的工具。还有别的可以帮您吗？",
        "这超出了我可用工具的范围，我不想凭空猜测。",
        "我没有处理这个请求的工具。如果您能提供相关信息，我很乐意继续帮忙。",
        "很遗憾，我手头没有可以查到它的工具。要不要换一种方式帮您？",
    ),
}
MISSING: dict[Language, tuple[str, ...]] = {
    "en": (
        "Which {what} do you have in mind?",
        "Please tell me the {what}, and I'll go ahead.",
        "To do that I still need the {what}. What should it be?",
        "I'd be glad to. Could you give me the {what} first?",
    ),
    "zh": (
        "请问{what}是什么？",
        "请告诉我{what}，我马上处理。",
        "要完成这件事，我还需要知道{what}，请补充一下。",
        "好的。能先告诉我{what}吗？",
    ),
}
NO_TOOL_THOUGHT: dict[Language, str] = {
    "en": "None of my tools does what is asked, so I should say so instead of calling one.",
    "zh": "我的工具都不能完成这个请求，应当直接说明，而不是随便调用。",
}
MISSING_THOUGHT: dict[Language, str] = {
    "en": "The tool needs the {what}, which I have not been told. I should ask for it.",
    "zh": "调用工具需要{what}，但用户没有说，应当先问清楚。",
}


def say(texts: Mapping[Language, tuple[str, ...]], language: Language, chance: Random, what: str = "") -> str:
    """Return one of the texts, filled in."""
    return chance.choice(texts[language]).format(what=what)


def argument_in_words(name: str, schema: Mapping[str, Any], language: Language) -> str:
    """Return what an argument is called in a sentence: its description, where that is short and of the language."""
    described = re.split(r"[.,;:(。，；：（]", str(schema.get("description") or ""))[0].strip()
    found = words(described)
    if found and len(found) <= (12 if language == "zh" else 5) and is_unspaced(found) == (language == "zh"):
        return described if language == "zh" else re.sub(r"(?i)^(the|an?) ", "", described[0].lower() + described[1:])
    return name.replace("_", " ") if language == "en" else name

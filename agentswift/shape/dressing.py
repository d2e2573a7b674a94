"""What a run puts into conversations as they are read: its system prompt, its name and its author."""

import re
from dataclasses import replace

from agentswift.conversation import Conversation, Step
from agentswift.schema.groups import Data

_NAME = ("{{NAME}}", "<NAME>", "{{name}}")  # ms-swift's, Llama3-Tutorial's, LLaMA-Factory's
_AUTHOR = ("{{AUTHOR}}", "<AUTHOR>", "{{author}}")
_PLACEHOLDER = re.compile("|".join(map(re.escape, (*_NAME, *_AUTHOR))))
_NAMED = ("小易", "AgentSwift")  # Chinese, English: who a self-cognition set's rows are about, unless the run says
_MADE_BY = ("agentswift",)


def dressed(conversation: Conversation, data: Data, layout: str) -> Conversation:
    """Put the run's system prompt where there is none, and its name and author where they belong.

    Rows of the layout self_cognition have them in any case; in others `<NAME>` may well be the text's own, so there
    they are filled in only where the run names them.
    """
    if data.system is not None and conversation.system is None:
        conversation = replace(conversation, system=data.system)
    about_itself = layout == "self_cognition"
    model_name = data.model_name or (_NAMED if about_itself else ())
    model_author = data.model_author or (_MADE_BY if about_itself else ())
    texts = (text for turn in conversation.turns for text in (turn.user or "", *(step.text for step in turn.steps)))
    if not (model_name or model_author) or not any(map(_PLACEHOLDER.search, texts)):
        return conversation
    chinese = any("\u4e00" <= c <= "\u9fff" for turn in conversation.turns for c in turn.user or "")
    words: dict[str, str] = {}
    for names, marks in ((model_name, _NAME), (model_author, _AUTHOR)):
        if names:
            words.update(dict.fromkeys(marks, names[0 if chinese else -1]))

    def filled(text: str) -> str:
        for mark, word in words.items():
            text = text.replace(mark, word)
        return text

    def step(old: Step) -> Step:
        return old if (text := filled(old.text)) == old.text else replace(old, text=text)

    turns = tuple(
        replace(t, user=None if t.user is None else filled(t.user), steps=tuple(map(step, t.steps)))
        for t in conversation.turns
    )
    return replace(conversation, turns=turns)

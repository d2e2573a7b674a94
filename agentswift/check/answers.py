"""Rules over what the agent makes of its tools' results, and of tools that it only talks about."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from agentswift.check.failures import failure
from agentswift.check.rules import Hit
from agentswift.check.turns import Placed, exchanges
from agentswift.conversation import Conversation

_TROUBLE = re.compile(
    r"sorry|apolog|error|fail|unable|cannot|can['’]t|could ?n[o'’]t|could not|not (?:available|found|work|possible)"
    r"|un(?:fortunately|available|successful)|issue|problem|invalid|wrong|try again|trouble|no (?:result|data|inform)"
    r"|doesn[o'’]t|does not|didn[o'’]t|did not|missing|limit|give up|restart"
    r"|抱歉|对不起|无法|不能|未能|没能|没有|失败|错误|出错|异常|问题|不存在|重试|不可用|不支持|超时|遗憾|暂时",
    re.IGNORECASE,
)
_FIRST_PERSON = (
    r"(?:\b(?:let me|I(?:['’]ll| will| am going to|['’]m going to| need to| should| am|['’]m)?)\s+(?:now\s+|first\s+)?"
    r"(?:call|use|invoke|run|calling|using|invoking|running)\s+(?:the\s+)?(?:tool\s+|function\s+)?"
    r"|(?:我来|我将|我会|让我|正在|先|现在)(?:调用|使用|用)(?:工具|函数)?\s?)"
)


def heedless(conversation: Conversation) -> Iterator[Hit]:
    """Find errors of tools that nobody reacts to, calls made twice, and rows that end in a result."""
    said = exchanges(conversation)
    for exchange in said:
        yield from _unheeded(exchange)
        yield from _repeated(exchange)
    if said and said[-1] and said[-1][-1][1].kind == "observation":
        yield Hit("no-last-answer", said[-1][-1][0], {})


def _unheeded(exchange: Sequence[Placed]) -> Iterator[Hit]:
    for at, (path, step) in enumerate(exchange):
        if step.kind != "observation" or not (error := failure(step.text)):
            continue
        later = [s for _, s in exchange[at + 1 :] if s.kind != "observation"]
        if later and not any(s.kind == "call" or _TROUBLE.search(s.text) for s in later):
            yield Hit("unheeded-error", path, {"error": error})


def _repeated(exchange: Sequence[Placed]) -> Iterator[Hit]:
    """Find a call that stands again right after its result and brings the same, when that was no error."""
    steps = [(path, step) for path, step in exchange if step.kind in ("call", "observation")]
    pairs = [
        (path, call, result.text)
        for (path, call), (_, result) in pairwise(steps)
        if (call.kind, result.kind) == ("call", "observation")
    ]
    for (_, call, result), (path, again, same) in pairwise(pairs):
        if call == again and result == same and not failure(result):
            yield Hit("repeated-call", path, {"tool": call.tool})


def empty_words(conversation: Conversation) -> Iterator[Hit]:
    """Find answers that repeat a result word for word, and calls that are told instead of made."""
    names = [tool.name for tool in conversation.tools]
    for exchange in exchanges(conversation):
        called = [step.tool for _, step in exchange if step.kind == "call"]
        results = [step.text for _, step in exchange if step.kind == "observation"]
        for path, step in exchange:
            if step.kind == "answer":
                if results and (at := _repeats(step.text, results)) is not None:
                    yield Hit("repeated-observation", path, {"tool": called[at] if at < len(called) else "the tool"})
                if names and (told := _told(step.text, [n for n in names if n not in called])):
                    yield Hit("call-in-prose", path, {"tool": told[0], "text": told[1]})


_SHORTEST = 30  # characters: "42" or "Paris" is all there is to say


def _repeats(answer: str, results: Sequence[str]) -> int | None:
    """Return which result an answer is, spaces aside; short ones do not count."""
    bare = "".join(answer.split())
    if len(bare) < _SHORTEST:
        return None
    found = (i for i, result in enumerate(results) if len(result) >= _SHORTEST and "".join(result.split()) == bare)
    return next(found, None)


def _told(answer: str, names: Sequence[str]) -> tuple[str, str] | None:
    """Return the tool that an answer tells of calling, and the words."""
    for name in names:
        if name not in answer:
            continue
        bare = re.escape(name)
        word = rf"[`'\"“「]?{bare}(?![A-Za-z0-9_])"
        told = re.search(
            rf"\bAction\s*[:：]\s*{word}|\"name\"\s*:\s*{word}|(?<![\w.]){bare}\s*\(\s*[{{\"'\w]|{_FIRST_PERSON}{word}",
            answer,
            re.IGNORECASE,
        )
        if told:
            return name, told.group()[:60]
    return None

"""Rules that are asked for by name (also=[…]): what they find is often meant."""

import re
from collections.abc import Callable, Iterator

from agentswift.check.rules import Hit
from agentswift.check.words import texts
from agentswift.conversation import Conversation
from agentswift.redact import keys_in

_FEWEST = 8  # letters: fewer are a name, a unit, a command
_CHINESE = re.compile("[\u4e00-\u9fff]")
_CODE = re.compile(r"```.*?```|`[^`\n]*`|https?://\S+|[{\[].*[}\]]", re.DOTALL)


def mixed_languages(conversation: Conversation) -> Iterator[Hit]:
    """Find answers in English to Chinese questions, and the other way round; code and JSON aside."""
    for t, turn in enumerate(conversation.turns):
        asked = _language(turn.user or "")
        for s, step in enumerate(turn.steps):
            answered = _language(step.text) if step.kind in ("answer", "text") else None
            if asked and answered and asked != answered:
                yield Hit("mixed-languages", f"$.turns[{t}].steps[{s}].text", {"asked": asked, "answered": answered})


def _language(text: str) -> str | None:
    """Return Chinese or English; None where it is neither clearly, or too short to tell."""
    text = _CODE.sub("", text)
    letters = sum(c.isalpha() for c in text)
    if letters < _FEWEST:
        return None
    share = len(_CHINESE.findall(text)) / letters
    return "Chinese" if share > 0.3 else "English" if share < 0.02 and text.isascii() else None


_MAIL = re.compile(
    r"(?<![\w.+-])(?!your|example|name@)\w[\w.+-]*@(?!example\.|test\.|domain\.|email\.|company\.)[\w-]+(?:\.[\w-]+)*\.[a-zA-Z]{2,}"
)
_MOBILE = re.compile(r"(?<![\d.])(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?![\d.])")
_PHONE = re.compile(r"(?<![\w.-])(?:\+?1[-. ])?\(?[2-9]\d\d\)?[-. ](?!555)[2-9]\d\d[-. ]\d{4}(?![\w-])")
_IDENTITY = re.compile(r"(?<!\d)[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)")
_SOCIAL = re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\d-])")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999


def personal_data(conversation: Conversation) -> Iterator[Hit]:
    """Find the first of each kind in each text. Example addresses and 555 numbers are made up, and pass."""
    for path, text in texts(conversation):
        for what, shown in _personal(text):
            yield Hit("personal-data", path, {"what": what, "shown": f"{shown[:3]}…{shown[-2:]}"})


def _personal(text: str) -> Iterator[tuple[str, str]]:
    if "@" in text and (found := _MAIL.search(text)):
        yield "an e-mail address", found.group()
    if found := _MOBILE.search(text) or _PHONE.search(text):
        yield "a telephone number", found.group()
    for found in _IDENTITY.finditer(text):
        if _is_identity(found.group()):
            yield "an identity number", found.group()
            break
    if found := _SOCIAL.search(text):
        yield "a social security number", found.group()
    for start, end in keys_in(text)[:1]:
        yield "a key", text[start:end]


def _is_identity(number: str) -> bool:
    """Whether the last of a Chinese identity number's 18 digits is the check digit of the others."""
    total = sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == number[-1].upper()


BY_OPTION: dict[str, Callable[[Conversation], Iterator[Hit]]] = {
    "mixed-languages": mixed_languages,
    "personal-data": personal_data,
}

"""The arguments of a call as a template wrote them, cut into keys, values and the punctuation between them."""

import re
from collections.abc import Iterator
from typing import Literal

ArgumentPart = Literal["key", "value", "punctuation"]
# A string, told to be a key by the colon behind it, or a number or word. Templates write JSON: no other text has a :
# outside a string.
_SCALAR = re.compile(r'"((?:[^"\\]|\\.)*)"(?=(\s*:)?)|[^\s{}\[\],:"]+', re.DOTALL)


def argument_parts(text: str) -> Iterator[tuple[ArgumentPart, int]]:
    """Yield the parts of arguments written as JSON, in order and without gaps: which it is, and where it ends.

    Keys at every depth are keys, strings, numbers and words at every depth values; braces, brackets, quotes, colons,
    commas, and what stands around the JSON, punctuation.
    """
    at = 0
    for found in _SCALAR.finditer(text):
        start, end = found.span() if found[1] is None else found.span(1)
        if start > at:
            yield "punctuation", start
        if end > start:
            yield ("value" if found[2] is None else "key"), end
        at = end
    if len(text) > at:
        yield "punctuation", len(text)

"""Secrets out of everything written: run.yaml, run.json, checkpoints, logs, error reports.

Two ways to tell a secret: by the key it stands under (api_key, hub_token, swanlab_secret) and by its own look (sk-…,
hf_…). Better a word too many redacted than a key published, but names that merely count or split tokens survive.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentswift.files import write_bytes

REDACTED = "[redacted]"
# A key is read as words: hubToken, HUB_TOKEN and hub-token are all (hub, token).
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET = re.compile(r"(?:secret|password|passwd|pwd|passphrase|credential|webhook|authorization|cookie|apikey)s?$")
_KEY_OR_TOKEN = re.compile(r"(?:keys?|tokens|\w*token)$")  # key alone, as a monkey is none; but hftoken is one
_OF_ACCESS = {"access", "api", "auth", "hf", "hub", "private", "refresh", "session", "signing", "ssh"}
_OF_TEXT = {"bos", "cls", "eos", "image", "mask", "pad", "sep", "special", "stop", "unk"}  # a tokenizer's tokens
_NOT_SECRET = {"", "none", "null", "true", "false", "~"}

_HAS_DIGIT = r"(?=[\w-]{0,99}\d)"  # tells sk-4f9a… from sk-learn
_LOOKS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    rf"sk-(?:{_HAS_DIGIT}[\w-]{{8,}}|[\w-]{{20,}})"  # OpenAI, DashScope, DeepSeek
    rf"|hf_(?:{_HAS_DIGIT}[A-Za-z0-9]{{8,}}|[A-Za-z0-9]{{20,}})"  # Hugging Face
    r"|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{12,}|AIza[\w-]{30,}|xox[abprs]-[\w-]{10,}"
    r"|ms-[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}"  # ModelScope; ms-agent and ms-swift are names
    r"|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+"  # JSON web token
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r")"
)
_BEARER = re.compile(r"\b(Bearer|Basic)(\s+)(?=[\w.~+/=-]{0,99}\d|[\w.~+/=-]{20})[\w.~+/=-]{6,}", re.IGNORECASE)
_USER_IN_URL = re.compile(r"(\w://)[^\s/:@]{0,256}:[^\s/]{1,256}@")
_HOOK = re.compile(r"(hooks\.slack\.com/services/|/bot/v2/hook/|discord(?:app)?\.com/api/webhooks/)[\w/-]+")
_HEADER = re.compile(r"(?i)\b((?:set-)?cookie|(?:proxy-)?authorization)(:[ \t]+)[^\n\"']+")
# Only such keys are looked at, so that the value of any other (url=…?token=…) is searched in its turn.
_NAMES = "secret|passw|pwd|passphrase|credential|webhook|authorization|cookie|key|token"
_KEY = rf"(?P<key>-{{0,2}}[\w-]{{0,80}}(?:{_NAMES})[\w-]{{0,80}})"
_QUOTED = r"""(?P<mark>\\?["'])(?:(?!(?P=mark))[^\n]){0,4096}(?P=mark)"""
_BARE = r"""[^\s,;&"'\\)}\]{\[(][^\s,;&"'\\)}\]]*"""
_VALUE = rf"(?P<value>{_QUOTED}|{_BARE})"
_ASSIGNED = re.compile(rf"""(?i)(?<![\w-]){_KEY}(?P<sign>\\?["']?\s*[=:]\s*){_VALUE}""")
_OPTION = re.compile(rf"(?i)(?<![\w-])(?=--?[a-z]){_KEY}(?P<sign>\s+)(?!-){_VALUE}")
_YAML_LINE = re.compile(r"(?m)^(?P<key>[ \t]*(?:- )?\w[\w-]*)(?P<sign>:[ \t]+)(?P<value>\S+)(?=[ \t]*$)")


def redact(value: Any) -> Any:
    """Return a copy of nested dicts, lists and strings with each secret as "[redacted]"; the rest is untouched.

    None, true, false and "" stay: that a secret was not set is worth knowing. A number stays unless its key can only
    mean a secret (`password: 12345` goes, `max_token: 512` stays). In a list, the word after `--hub_token` goes.
    """
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {key: _under(key, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_after(before, item) for before, item in zip([None, *value], value, strict=False)]
    return value


def redact_text(text: str) -> str:
    """Return `text` (a log line, a command line, YAML, JSON) with each secret as "[redacted]"."""
    text = _LOOKS.sub(REDACTED, text)
    text = _BEARER.sub(rf"\1\2{REDACTED}", text)
    text = _USER_IN_URL.sub(rf"\1{REDACTED}@", text)
    text = _HOOK.sub(rf"\1{REDACTED}", text)
    text = _HEADER.sub(rf"\1\2{REDACTED}", text)
    for pattern in (_ASSIGNED, _OPTION, _YAML_LINE):
        text = pattern.sub(_assigned, text)
    return text


def keys_in(text: str) -> list[tuple[int, int]]:
    """Return where `text` has what looks like a key (start, end); words about secrets are left to prompts."""
    return [match.span() for match in _LOOKS.finditer(text)]


def without_keys(text: str) -> str:
    """Return a prompt with what looks like a key as "[redacted]", and all else as the model was trained on it."""
    return _LOOKS.sub(REDACTED, text)


def scrub_file(path: Path) -> bool:
    """Rewrite a JSON, JSONL or text file without its secrets, whole or not at all; return whether it had any."""
    before = path.read_bytes().decode("utf-8", "surrogateescape")
    after = {".json": _scrub_json, ".jsonl": _scrub_lines}.get(path.suffix, redact_text)(before)
    if after != before:
        write_bytes(path, after.encode("utf-8", "surrogateescape"))
    return after != before


def _scrub_json(text: str, indent: int | None = 2) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return redact_text(text)
    clean = redact(value)
    return text if clean == value else json.dumps(clean, ensure_ascii=False, indent=indent)


def _scrub_lines(text: str) -> str:
    return "\n".join(_scrub_json(line, None) if line.strip() else line for line in text.split("\n"))


def _certainty(key: str) -> int:
    """Return 2 for a key that can only name a secret, 1 for one that may (`token`, `key`), 0 for any other."""
    words = [word.lower() for word in _WORD.findall(key)] or [""]
    if any(_SECRET.search(word) for word in words):
        return 2
    if not _KEY_OR_TOKEN.match(words[-1]) or _OF_TEXT & set(words):
        return 0
    if _OF_ACCESS & set(words[-2:-1]):
        return 2
    return 0 if words[-1].endswith("s") else 1


def _under(key: Any, value: Any) -> Any:
    certainty = _certainty(key) if isinstance(key, str) else 0
    secret = isinstance(value, str) if certainty == 1 else certainty == 2 and value not in (None, True, False, [], {})
    if not secret or (isinstance(value, str) and value.lower() in _NOT_SECRET):
        return redact(value)
    return REDACTED


def _after(before: Any, value: Any) -> Any:
    is_option = isinstance(before, str) and before.startswith("-") and "=" not in before
    if is_option and isinstance(value, str) and not value.startswith("-"):
        return _under(before, value)
    return redact(value)


def _assigned(match: re.Match[str]) -> str:
    key, sign, value = match["key"], match["sign"], match["value"]
    mark = match.groupdict().get("mark") or ""
    bare = value[len(mark) : len(value) - len(mark)]
    # "the key: press any" is prose; `key=x`, `"key": "x"`, `{key:x}` and a YAML line are not.
    is_prose = match.re is _ASSIGNED and sign.startswith(":") and sign != ":"
    is_number = re.fullmatch(r"[\d.,]+", bare) is not None
    if (
        _certainty(key) < 1 + (is_prose or is_number)
        or bare.lower() in _NOT_SECRET
        or bare.startswith((REDACTED, "${"))
    ):
        return match[0]
    return f"{key}{sign}{mark}{REDACTED}{mark}"

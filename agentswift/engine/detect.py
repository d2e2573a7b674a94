"""What ms-swift calls a model: its model type and chat template, by name, architecture, or its own chat template."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from agentswift.engine.chat import chat
from agentswift.engine.swift_facts import ChatTemplate, ModelType, chat_templates, model_types
from agentswift.errors import ModelError

_SYSTEM = "You know all rivers."
_TALK = ("Where does the Rhine end?", "In the North Sea.", "长江呢？")  # user, assistant, user


@dataclass(frozen=True)
class Detected:
    """ms-swift's names for a model."""

    model_type: str
    template: str


def detect_model(folder: Path | None, model_id: str) -> Detected:
    """Return what ms-swift calls the model `model_id`, whose files lie in `folder` (None: not on this disk).

    A name that ms-swift knows decides, unless the folder holds another architecture; else the architecture gives the
    model type, and the chat template is the one that writes a conversation as the folder's own Jinja does.
    Raises ModelError, with the candidates, where neither tells.
    """
    config = _json(folder / "config.json") if folder else {}
    architecture = next(iter(config.get("architectures") or []), None)
    named = _by_name(model_id, architecture) or (folder and _by_name(folder.name, architecture))
    if named and named[1]:
        return Detected(named[0], named[1])
    types = [model_types()[named[0]]] if named else _of_architecture(architecture, config.get("model_type"))
    if not types:
        known = "no config.json names one" if architecture is None else f"ms-swift knows none with {architecture}"
        _unknown(model_id, f"which model type it is cannot be told: {known}", [])
    candidates = list(dict.fromkeys(name for kind in types for name in kind.templates))
    found = _by_rendering(folder, candidates) if folder else None
    if found is None and len(candidates) == 1:
        found = candidates[0]
    if found is None:
        _unknown(model_id, f"its chat template is none of ms-swift's that fit {types[0].name}", candidates)
    return Detected(types[0].name, found)


def _unknown(model_id: str, why: str, candidates: list[str]) -> NoReturn:
    listed = f" ({', '.join(candidates)})" if candidates else ""
    raise ModelError(f"{model_id}: {why}{listed}. Say them: model.model_type=… model.template=…")


def _by_name(model_id: str, architecture: str | None) -> tuple[str, str | None] | None:
    name = model_id.rstrip("/").rsplit("/", 1)[-1].replace("___", ".").lower()  # modelscope writes "." so on disk
    for kind in model_types().values():
        if name in kind.ids and (architecture is None or architecture in kind.architectures):
            return kind.name, kind.ids[name]
    return None


def _of_architecture(architecture: str | None, hf_type: str | None) -> list[ModelType]:
    """Return the model types of an architecture; the one that transformers names so ("llama") first."""
    kinds = [kind for kind in model_types().values() if architecture in kind.architectures]
    return sorted(kinds, key=lambda kind: kind.name != hf_type)


def _by_rendering(folder: Path, candidates: list[str]) -> str | None:
    """Return the chat template that writes what the folder's own does: with a system message and without, or either."""
    own = own_template(folder)
    if own is None:
        return None
    specials = own_specials(folder)
    texts = {system: _stripped(_rendered(own, system, specials), specials) for system in (_SYSTEM, None)}
    plain = [t for t in chat_templates().values() if t.template_cls == "Template"]
    # Among equals the model type's own come first, then one that brings no system message, then the shortest name.
    plain.sort(key=lambda t: (t.name not in candidates, t.default_system is not None, len(t.name), t.name))
    for systems in ((_SYSTEM, None), (_SYSTEM,), (None,)):
        for template in plain:
            if all(texts[s] and texts[s] == _stripped(_written(template, s, specials), specials) for s in systems):
                return template.name
    return None


def own_template(folder: Path) -> str | None:
    """Return the Jinja that the folder's tokenizer has, wherever transformers would look for it."""
    file = folder / "chat_template.jinja"
    if file.exists():
        return file.read_text(encoding="utf-8")
    own = _json(folder / "chat_template.json").get("chat_template")
    own = own or _json(folder / "tokenizer_config.json").get("chat_template")
    if isinstance(own, list):
        own = next((t.get("template") for t in own if t.get("name") == "default"), None)
    return own if isinstance(own, str) else None


def own_specials(folder: Path) -> dict[str, str]:
    """Return the text of the special tokens, under the attributes' names and their ids' ("eos_token_id")."""
    named = {**_json(folder / "special_tokens_map.json"), **_json(folder / "tokenizer_config.json")}
    texts: dict[str, str] = {}
    for name in ("bos_token", "eos_token", "pad_token", "unk_token"):
        text = named.get(name)
        text = text.get("content") if isinstance(text, dict) else text
        texts |= {name: text, f"{name}_id": text} if isinstance(text, str) else {}
    return texts


def _rendered(own: str, system: str | None, specials: dict[str, str]) -> str | None:
    """Return the sample as the folder's Jinja writes it; None: it refuses."""
    messages = [{"role": "system", "content": system}] if system is not None else []
    messages += [{"role": r, "content": t} for r, t in zip(("user", "assistant", "user"), _TALK, strict=True)]
    try:
        return render(own, messages, specials)
    except Exception:  # a template may fail in any way that Python can
        return None


def render(
    own: str,
    messages: Sequence[Mapping[str, Any]],
    specials: Mapping[str, str],
    *,
    add_generation_prompt: bool = True,
    **given: Any,
) -> str:
    """Return `messages` and a generation prompt as the Jinja `own` writes them, in the sandbox that transformers uses.

    Raises jinja2.TemplateError, and whatever else goes wrong in it.
    """
    variables = {**specials, **given, "messages": messages, "add_generation_prompt": add_generation_prompt}
    return str(_compiled(own).render(variables))


@cache
def _compiled(own: str) -> Any:
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = lambda x, **how: json.dumps(x, ensure_ascii=False, **how)
    environment.globals |= {"raise_exception": refuse, "strftime_now": lambda form: datetime.now().strftime(form)}
    # transformers' own tag, which marks what the model wrote; here it only has to vanish.
    own = re.sub(
        r"(\{%-?\s*)(end)?generation(\s*-?%\})", lambda m: f"{m[1]}{'endif' if m[2] else 'if true'}{m[3]}", own
    )
    return environment.from_string(own)


def _written(template: ChatTemplate, system: str | None, specials: dict[str, str]) -> str | None:
    """Return the sample as ms-swift's chat template writes it; None: it cannot."""
    try:
        form = chat(template, specials)
    except (ModelError, KeyError):
        return None
    system = form.default_system if system is None else system
    if system is not None and form.system_opening is None:
        return None
    opening = form.opening if system is None else (form.system_opening or "").replace("{{SYSTEM}}", system)
    first, reply, second = _TALK
    rounds = (first + form.after_query + reply + form.stop + form.separator, second + form.after_query)
    return opening + "".join(form.before_query + text for text in rounds)


def _stripped(text: str | None, specials: dict[str, str]) -> str | None:
    """Leave out a first token that either the tokenizer or the template puts."""
    return None if text is None else text.removeprefix(specials.get("bos_token", "")).strip()


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelError(f"{file}: cannot be read as JSON: {error}") from error
    return content if isinstance(content, dict) else {}

"""A chat template of ms-swift as the Jinja that transformers and vLLM read, so that they chat as we trained."""

import json

from agentswift.engine.chat import Chat

# The user's slot ends with the generation prompt, in ms-swift's templates one piece of text with what comes before it,
# so add_generation_prompt=false cannot take it away again.
_JINJA = """\
{%%- if tools %%}
{{- raise_exception("this template has no form for tools: the agent template %(agent)s puts them into the text") }}
{%%- endif %%}
{%%- set ns = namespace(system=%(default)s, held="", stopped=false) %%}
{%%- set rest = messages %%}
{%%- if messages and messages[0]["role"] == "system" %%}
{%%- set ns.system = messages[0]["content"] %%}
{%%- set rest = messages[1:] %%}
{%%- endif %%}
%(opening)s
{%%- for message in rest %%}
{%%- if message["role"] == "user" %%}
{%%- if ns.stopped %%}{{- %(separator)s }}{%%- endif %%}
{{- %(before)s + ns.held + message["content"] + %(after)s }}
{%%- set ns.held = "" %%}
{%%- elif message["role"] == "assistant" %%}
{{- message["content"] + %(stop)s }}
{%%- set ns.stopped = true %%}
{%%- else %%}
{{- raise_exception("this template knows the roles system, user and assistant, not " + message["role"]) }}
{%%- endif %%}
{%%- endfor %%}"""
_SYSTEM = """\
{%%- if ns.system %%}{{- %(before)s + ns.system + %(after)s }}{%%- else %%}{{- %(plain)s }}{%%- endif %%}"""
_NO_SYSTEM = """\
{{- %(plain)s }}{%%- if ns.system %%}{%%- set ns.held = ns.system + "\\n\\n" %%}{%%- endif %%}"""


def chat_jinja(chat: Chat, agent_template: str) -> str:
    """Return Jinja that writes messages of system, user and assistant as `chat` does."""
    plain = _quoted(chat.opening)
    if chat.system_opening is None:
        opening = _NO_SYSTEM % {"plain": plain}
    else:
        before, _, after = chat.system_opening.partition("{{SYSTEM}}")
        opening = _SYSTEM % {"before": _quoted(before), "after": _quoted(after), "plain": plain}
    return _JINJA % {
        "agent": agent_template,
        "default": "none" if chat.default_system is None else _quoted(chat.default_system),
        "opening": opening,
        "separator": _quoted(chat.separator),
        "before": _quoted(chat.before_query),
        "after": _quoted(chat.after_query),
        "stop": _quoted(chat.stop),
    }


def _quoted(text: str) -> str:
    """Return `text` as a string of Jinja, which knows JSON's escapes; in ASCII, which every reader takes."""
    return json.dumps(text)

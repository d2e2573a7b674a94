"""A chat template of ms-swift as the Jinja that transformers and vLLM read, so that they chat as we trained."""

import json

from agentswift.agent_templates.spans import Place
from agentswift.engine.chat import Chat

# The user's slot ends with the generation prompt, in ms-swift's templates one piece of text with what comes before it,
# so add_generation_prompt=false cannot take it away again.
_JINJA = """\
{%%- if tools %%}
{{- raise_exception("this template has no form for tools: the agent template %(agent)s puts them into the text") }}
{%%- endif %%}
{%%- set ns = namespace(system=%(default)s, held="", close="") %%}
{%%- set rest = messages %%}
{%%- if messages and messages[0]["role"] == "system" %%}
{%%- set ns.system = messages[0]["content"] %%}
{%%- set rest = messages[1:] %%}
{%%- endif %%}
%(opening)s
{%%- for message in rest %%}
{%%- if message["role"] == "user" %%}
{{- ns.close + %(before)s + ns.held + message["content"] + %(after)s }}
{%%- set ns.held = "" %%}
{%%- set ns.close = %(unstopped)s %%}
{%%- elif message["role"] == "assistant" %%}
{{- message["content"] + %(stop)s }}
{%%- set ns.close = %(separator)s %%}
%(results)s{%%- else %%}
{{- raise_exception("this template knows the roles %(roles)s, not " + message["role"]) }}
{%%- endif %%}
{%%- endfor %%}"""
_SYSTEM = """\
{%%- if ns.system %%}{{- %(before)s + ns.system + %(after)s }}{%%- else %%}{{- %(plain)s }}{%%- endif %%}"""
_NO_SYSTEM = """\
{{- %(plain)s }}{%%- if ns.system %%}{%%- set ns.held = ns.system + "\\n\\n" %%}{%%- endif %%}"""

_RESULTS = """\
{%%- elif message["role"] == %(role)s %%}
{%%- set first = not loop.previtem or loop.previtem["role"] != %(role)s %%}
{{- (%(opening)s if first else %(between)s) + message["content"] }}
{%%- if not loop.nextitem or loop.nextitem["role"] != %(role)s %%}{{- %(after)s }}{%%- endif %%}
{%%- set ns.close = %(unstopped)s %%}
"""


def chat_jinja(chat: Chat, agent_template: str, place: Place = "user") -> str:
    """Return Jinja that writes messages of system, user and assistant as `chat` does, and results at their `place`."""
    header = chat.before(place) if place in ("system", "tool") else None
    results = (
        ""
        if header is None
        else _RESULTS
        % {
            "role": _quoted(place),
            "opening": _quoted(chat.separator + header),
            "between": _quoted(chat.between(place)),
            "after": _quoted(chat.after_query),
            "unstopped": _quoted(chat.stop + chat.separator),
        }
    )
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
        "unstopped": _quoted(chat.stop + chat.separator),
        "results": results,
        "roles": "system, user, assistant and tool" if results and place == "tool" else "system, user and assistant",
    }


def _quoted(text: str) -> str:
    """Return `text` as a string of Jinja, which knows JSON's escapes; in ASCII, which every reader takes."""
    return json.dumps(text)

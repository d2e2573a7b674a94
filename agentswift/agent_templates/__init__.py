"""Agent templates: each one way of putting tools, calls and results into text with spans, and reading it back."""

from collections.abc import Sequence

from agentswift.agent_templates.agentfabric_en import AGENTFABRIC_EN
from agentswift.agent_templates.agentfabric_zh import AGENTFABRIC_ZH
from agentswift.agent_templates.agentflan import AGENTFLAN
from agentswift.agent_templates.hermes import HERMES
from agentswift.agent_templates.lagent import LAGENT
from agentswift.agent_templates.llama3 import LLAMA3
from agentswift.agent_templates.ms_agent import MS_AGENT
from agentswift.agent_templates.native import NATIVE
from agentswift.agent_templates.openai_json import OPENAI_JSON
from agentswift.agent_templates.qwen_en import QWEN_EN, QWEN_EN_PARALLEL
from agentswift.agent_templates.qwen_zh import QWEN_ZH, QWEN_ZH_PARALLEL
from agentswift.agent_templates.react_en import REACT_EN
from agentswift.agent_templates.react_zh import REACT_ZH
from agentswift.agent_templates.spans import AgentTemplate, Piece
from agentswift.agent_templates.toolbench import TOOLBENCH
from agentswift.conversation import Step, Tool
from agentswift.errors import UsageError, did_you_mean

_ALL: tuple[AgentTemplate, ...] = (
    *(REACT_EN, REACT_ZH, MS_AGENT, AGENTFABRIC_ZH, AGENTFABRIC_EN, LAGENT),
    *(QWEN_EN, QWEN_ZH, QWEN_EN_PARALLEL, QWEN_ZH_PARALLEL),
    *(HERMES, LLAMA3, TOOLBENCH, AGENTFLAN, OPENAI_JSON),
)
AGENT_TEMPLATES: dict[str, AgentTemplate] = {template.name: template for template in _ALL}
ABOUT: dict[str, str] = {
    "react_en": "Thought / Action / Action Input / Observation / Final Answer, English instructions (ms-swift's)",
    "react_zh": "the same labels with Chinese instructions (ms-swift's)",
    "ms_agent": "the same labels with the prompt of the data set iic/ms_agent, tools numbered",
    "agentfabric_zh": "modelscope-agent's AgentFabric: Action, Action Input, <result>, Answer; Chinese prompt",
    "agentfabric_en": "modelscope-agent's AgentFabric; English prompt",
    "lagent": "lagent 0.2's ReAct: Thought:, Action:, Action Input:; the result is a system message, Response:",
    "qwen_en": "Qwen-Agent's ✿FUNCTION✿ / ✿ARGS✿ / ✿RESULT✿ / ✿RETURN✿, English instructions (ms-swift's)",
    "qwen_zh": "the same with Chinese instructions (ms-swift's)",
    "qwen_en_parallel": "the same, several calls at once, English instructions (ms-swift's)",
    "qwen_zh_parallel": "the same, several calls at once, Chinese instructions (ms-swift's)",
    "hermes": "<tool_call> JSON, results as <tool_response> in a user turn; what Qwen2.5 and Qwen3 speak",
    "llama3": 'Llama 3\'s {"name": …, "parameters": {…}}, tools before the first question, results of the role tool',
    "toolbench": "ToolLLaMA's prompt, Thought / Action / Action Input, Finish gives the answer (ms-swift's)",
    "agentflan": "a JSON object a step, as Agent-FLAN's ToolBench parts: thought, action, args; FinalAction answers",
    "native": "the model's own chat template with tools (its Jinja): for models that call tools already",
    "openai_json": "one line of JSON with OpenAI's tool_calls, results of the role tool",
}
# People look for these here; they are ms-swift's names of chat templates.
_CHAT_TEMPLATES = {
    "baichuan",
    "chatglm3",
    "chatml",
    "deepseek",
    "default",
    "gemma",
    "glm4",
    "internlm",
    "internlm2",
    "llama",
} | {"llama3", "llama3_1", "llama3_2", "minicpm", "mistral_nemo", "phi3", "qwen", "qwen2_5", "qwen3", "yi", "zephyr"}


def find_agent_template(name: str) -> AgentTemplate:
    """Return the agent template of that name; raises UsageError for any other."""
    if name in AGENT_TEMPLATES:
        return AGENT_TEMPLATES[name]
    if name == NATIVE.name:
        return NATIVE
    if name in _CHAT_TEMPLATES:
        raise UsageError(
            f"{name!r} is no agent template: that is a chat template: model.template={name}\n"
            f"Agent templates (template=…): {', '.join(AGENT_TEMPLATES)}"
        )
    raise UsageError(f"no agent template {name!r}.{did_you_mean(name, AGENT_TEMPLATES)}")


def read_turn(
    template: AgentTemplate, pieces: Sequence[Piece], tools: Sequence[Tool], is_agent: bool
) -> tuple[Step, ...]:
    """Return the steps of one turn from its pieces, as `template.write` cut them; given pieces are passed over."""
    steps: list[Step] = []
    before: Piece | None = None
    for piece in pieces:
        if piece.role == "generated":
            goes_on = before is not None and before.role == "observation"
            steps += template.read(piece.text, tools, is_agent=is_agent, after_observation=goes_on).steps
        elif piece.role == "observation":
            stopped = before is not None and before.role == "generated" and before.text.endswith(template.stop)
            steps += template.read_observation(piece.text, labelled=not stopped)
        before = piece
    return tuple(steps)


def is_readable(template: AgentTemplate, steps: Sequence[Step], tools: Sequence[Tool]) -> bool:
    """Whether the steps of a turn, written, are read back the same.

    They are not where a text holds the template's own labels or tags, or an order of steps that the format cannot
    tell (an answer before a call in hermes is a thought). The spans, and so the weights, are right all the same.
    """
    is_agent = bool(tools) or any(step.kind != "text" for step in steps)
    return read_turn(template, template.write(steps), tools, is_agent) == tuple(steps)

"""Qwen's format in English, one call at a time and several; the wording is ms-swift 4.6's (agent_template/qwen.py)."""

from agentswift.agent_templates.qwen import Qwen

_TOOL = "### {name}\n\n{name}: {description} Parameters: {parameters} Format the arguments as a JSON object."
_HEAD = """

# Tools

## You have access to the following tools:

{tools}

"""
_RETURN = "✿RETURN✿: Reply based on tool results. Images need to be rendered as ![](url)"
_WHEN = (
    "## When you need to call a tool, please insert the following command in your reply, "
    "which can be called zero or multiple times according to your needs:"
)

QWEN_EN = Qwen(
    name="qwen_en",
    tool=_TOOL,
    instructions=_HEAD
    + _WHEN
    + """

✿FUNCTION✿: The tool to use, should be one of [{names}]
✿ARGS✿: The input of the tool
✿RESULT✿: Tool results
"""
    + _RETURN,
)
QWEN_EN_PARALLEL = Qwen(
    name="qwen_en_parallel",
    tool=_TOOL,
    instructions=_HEAD
    + """## Insert the following command in your reply when you need to call N tools in parallel:

✿FUNCTION✿: The name of tool 1, should be one of [{names}]
✿ARGS✿: The input of tool 1
✿FUNCTION✿: The name of tool 2
✿ARGS✿: The input of tool 2
...
✿FUNCTION✿: The name of tool N
✿ARGS✿: The input of tool N
✿RESULT✿: The result of tool 1
✿RESULT✿: The result of tool 2
...
✿RESULT✿: he result of tool N
"""
    + _RETURN,
)

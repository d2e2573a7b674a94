"""Qwen's format in Chinese, one call at a time and several; the wording is ms-swift 4.6's (agent_template/qwen.py)."""

from agentswift.agent_templates.qwen import Qwen

_TOOL = "### {name}\n\n{name}: {description} 输入参数：{parameters} 此工具的输入应为JSON对象。"
_HEAD = """

# 工具

## 你拥有如下工具：

{tools}

"""
_RETURN = "✿RETURN✿: 根据工具结果进行回复，需将图片用![](url)渲染出来"

QWEN_ZH = Qwen(
    name="qwen_zh",
    tool=_TOOL,
    instructions=_HEAD
    + """## 你可以在回复中插入零次、一次或多次以下命令以调用工具：

✿FUNCTION✿: 工具名称，必须是[{names}]之一。
✿ARGS✿: 工具输入
✿RESULT✿: 工具结果
"""
    + _RETURN,
)
QWEN_ZH_PARALLEL = Qwen(
    name="qwen_zh_parallel",
    tool=_TOOL,
    instructions=_HEAD
    + """## 你可以在回复中插入以下命令以并行调用N个工具：

✿FUNCTION✿: 工具1的名称，必须是[{names}]之一
✿ARGS✿: 工具1的输入
✿FUNCTION✿: 工具2的名称
✿ARGS✿: 工具2的输入
...
✿FUNCTION✿: 工具N的名称
✿ARGS✿: 工具N的输入
✿RESULT✿: 工具1的结果
✿RESULT✿: 工具2的结果
...
✿RESULT✿: 工具N的结果
"""
    + _RETURN,
)

"""ReAct with Chinese instructions; the wording is ms-swift 4.6's `react_zh` (agent_template/react.py)."""

from agentswift.agent_templates.react import React

REACT_ZH = React(
    name="react_zh",
    tool=(
        "{name}: 调用此工具与 {name} API 进行交互。{name} 有什么用？{description} "
        "输入参数：{parameters} 此工具的输入应为JSON对象。"
    ),
    instructions="""尽可能地回答以下问题。你可以使用以下工具:

{tools}

请按照以下格式进行:

Question: 需要你回答的输入问题
Thought: 你应该总是思考该做什么
Action: 需要使用的工具，应该是[{names}]中的一个
Action Input: 传入工具的内容
Observation: 行动的结果
... (这个Thought/Action/Action Input/Observation可以重复N次)
Thought: 我现在知道最后的答案
Final Answer: 对原始输入问题的最终答案

现在开始！
""",
)

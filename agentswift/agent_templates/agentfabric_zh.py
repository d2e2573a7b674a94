"""AgentFabric in Chinese; the wording is modelscope-agent's (modelscope_agent/agents/role_play.py, 2024-04)."""

from agentswift.agent_templates.agentfabric import AgentFabric

AGENTFABRIC_ZH = AgentFabric(
    name="agentfabric_zh",
    tools="""
# 工具

## 你拥有如下工具：

{tools}

## 当你需要调用工具时，请在你的回复中穿插如下的工具调用命令，可以根据需求调用零次或多次：

工具调用
Action: 工具的名称，必须是[{names}]之一
Action Input: 工具的输入
Observation: <result>工具返回的结果</result>
Answer: 根据Observation总结本次工具调用返回的结果，如果结果中出现url，请使用如下格式展示出来：![图片](url)

""",
    before_role="\n# 指令\n\n",
    after_role="\n\n请注意：你具有图像和视频的展示能力，也具有运行代码的能力，不要在回复中说你做不到。\n",
    prefix="(。你可以使用工具：[{names}])",
)

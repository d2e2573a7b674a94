"""AgentFabric in English; the wording is modelscope-agent's (modelscope_agent/agents/role_play.py, 2024-04)."""

from agentswift.agent_templates.agentfabric import AgentFabric

_WHEN = "When you need to call a tool, please intersperse the following tool command in your reply."

AGENTFABRIC_EN = AgentFabric(
    name="agentfabric_en",
    tools=f"""
# Tools

## You have the following tools:

{{tools}}

## {_WHEN} You can call zero or more times according to your needs:

Tool Invocation
Action: The name of the tool, must be one of [{{names}}]
Action Input: Tool input
Observation: <result>Tool returns result</result>
Answer: Summarize the results of this tool call based on Observation. If the result contains url, """
    """please display it in the following format:![Image](URL)

""",
    before_role="\n#Instructions\n\n",
    after_role=(
        "\n\nNote: you have the ability to display images and videos, as well as the ability to run code. "
        "Don't say you can't do it.\n"
    ),
    prefix="(. you can use tools: [{names}])",
)

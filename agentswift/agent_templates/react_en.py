"""ReAct with English instructions; the wording is ms-swift 4.6's `react_en` (agent_template/react.py)."""

from agentswift.agent_templates.react import React

REACT_EN = React(
    name="react_en",
    tool=(
        "{name}: Call this tool to interact with the {name} API. What is the {name} API useful for? {description} "
        "Parameters: {parameters} Format the arguments as a JSON object."
    ),
    instructions="""Answer the following questions as best you can. You have access to the following tools:

{tools}

Use the following format:

Question: the input question you must answer
Thought: you should always think about what to do
Action: the action to take, should be one of [{names}]
Action Input: the input to the action
Observation: the result of the action
... (this Thought/Action/Action Input/Observation can be repeated zero or more times)
Thought: I now know the final answer
Final Answer: the final answer to the original input question

Begin!
""",
)

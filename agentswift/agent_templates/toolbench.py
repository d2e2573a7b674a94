"""toolbench: ToolLLaMA's AutoGPT prompt in ms-swift 4.6's words (agent_template/toolbench.py); Finish ends it.

    Thought: …                                   } generated, up to the stop word
    Action: get_weather
    Action Input: {"city": "北京"}
    Observation:RESULT                           } put in
    Thought: …
    Action: Finish                               } the answer; no Observation: follows, the turn ends
    Action Input: {"return_type": "give_answer", "final_answer": "…"}

Where the tools declare Finish themselves (ToolBench's own rows do), its call stays a call; so an answer beside such a
declaration cannot be read back. ms-swift forgets the row's own system prompt, here it stands before the rest.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from agentswift.agent_templates.calls import json_string
from agentswift.agent_templates.json_calls import declared
from agentswift.agent_templates.react import React
from agentswift.agent_templates.sections import Labels, Section, read_call_at
from agentswift.agent_templates.spans import Part, Problem
from agentswift.conversation import Step, Tool

FINISH = "Finish"
_GIVE = '{"return_type": "give_answer", "final_answer": "'


@dataclass(eq=False, kw_only=True)
class ToolBench(React):
    """ReAct that ends with a call of Finish."""

    def tool_line(self, number: int, tool: Tool) -> str:
        """Return the tool as JSON; the list's brackets are the instructions'."""
        return json.dumps(declared(tool)["function"], ensure_ascii=False)

    def call_parts(self, step: Step, index: int, *, is_last: bool) -> list[Part]:
        """Return a call's lines; nothing is observed after Finish."""
        parts = super().call_parts(step, index, is_last=is_last)
        if is_last and step.tool == FINISH:
            text, *rest = parts[-2]
            return [*parts[:-2], (text.removesuffix("\n"), *rest)]
        return parts

    def answer_parts(self, step: Step, index: int, end: str) -> list[Part]:
        """Return the call of Finish that gives the answer."""
        label = f"{self.labels.action}: {FINISH}\n{self.labels.action_input}: {_GIVE}"
        return [
            (label, "label", index, "answer"),
            (json_string(step.text), "answer", index),
            ('"}' + end, "label", index, "answer"),
        ]

    def read_action(
        self, sections: Sequence[Section], at: int, tools: Sequence[Tool]
    ) -> tuple[Step, tuple[Problem, ...]]:
        """Return the call; of Finish, where no tool has that name, the answer it gives."""
        step, problems = read_call_at(sections, at, tools)
        if step.tool != FINISH or any(tool.name == FINISH for tool in tools):
            return step, problems
        answer = step.arguments.get("final_answer")
        if step.arguments.get("return_type", "give_answer") != "give_answer" or not isinstance(answer, str):
            return step, problems
        return Step(kind="answer", text=answer), tuple(p for p in problems if p.kind != "unknown_tool")


TOOLBENCH = ToolBench(
    name="toolbench",
    labels=Labels(final=""),
    between=", ",
    instructions="""You can use many tools(functions) to do the following task.
First I will give you the task description, and your task start.
At each step, you need to give your thought to analyze the status now and what to do next, \
with a function call to actually execute your step. Your output should follow this format:
Thought:
Action:
Action Input:

After the call, you will get the call result, and you are now in a new state.
Then you will analyze your status now, then decide what to do next...
After many (Thought-call) pairs, you finally perform the task, then you can give your final answer.
Remember:
1.the state change is irreversible, you can't go back to one of the former state, if you want to restart the task, \
say "I give up and restart".
2.All the thought is short, at most in 5 sentence.
3.You can do more then one try, so if your plan is to continuously try some conditions, \
you can do one of the conditions per try.
Let's Begin!
Task description: You should use functions to help handle the real time user queries. Remember:
1.ALWAYS call "Finish" function at the end of the task. And the final answer should contain enough information \
to show to the user,If you can't handle the task, \
or you find that function calls always fail(the function is not valid now), \
use function Finish->give_up_and_restart.
2.Do not use origin tool names, use only subfunctions' names.
Specifically, you have access to the following APIs: [{tools}]""",
)

"""Names are filled into rows about the model itself; elsewhere only where the run says them."""

import pytest

from agentswift.compose import compose_run
from agentswift.conversation import Conversation, Step, Turn
from agentswift.schema.runs import Train
from agentswift.shape.dressing import dressed

SHELL = "Use `docker start <NAME>`, {{name}} of <AUTHOR>"


@pytest.mark.parametrize(
    ("words", "layout", "user", "said"),
    [
        ([], "messages", "how?", SHELL),
        ([], "auto", "怎么用？", SHELL),
        ([], "", "how?", SHELL),
        ([], "self_cognition", "who?", "Use `docker start AgentSwift`, AgentSwift of agentswift"),
        ([], "self_cognition", "你是谁？", "Use `docker start 小易`, 小易 of agentswift"),
        (["data.model_name=[小智,Zhi]"], "self_cognition", "who?", "Use `docker start Zhi`, Zhi of agentswift"),
        (["data.model_name=[小智,Zhi]"], "messages", "怎么用？", "Use `docker start 小智`, 小智 of <AUTHOR>"),
        (["data.model_author=Us"], "alpaca", "how?", "Use `docker start <NAME>`, {{name}} of Us"),
        (["data=agentfabric", "data.model_name=卡"], "messages", "how?", "Use `docker start 卡`, 卡 of <AUTHOR>"),
    ],
)
def test_a_name_is_filled_in_where_it_belongs(words: list[str], layout: str, user: str, said: str) -> None:
    data = compose_run("train", Train, words).data
    row = Conversation(turns=(Turn(user=user, steps=(Step(kind="text", text=SHELL),)),))
    assert dressed(row, data, layout).turns[0].steps[0].text == said

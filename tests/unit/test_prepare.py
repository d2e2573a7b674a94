"""What is asked of a model before anything of it is read."""

import pytest

from agentswift.engine.prepare import spoken
from agentswift.errors import ModelError
from agentswift.schema.groups import Hub, Model, Template


def test_code_of_a_hub_model_runs_only_at_a_pinned_revision() -> None:
    model = Model(
        model="somebody/some-model",
        model_type=None,
        template=None,
        torch_dtype=None,
        attn_impl=None,
        revision=None,
        trust_remote_code=True,
    )
    with pytest.raises(ModelError, match=r"pin what runs with model\.revision=COMMIT"):
        spoken(model, Template(agent_template="hermes"), Hub.path)

import subprocess
import sys

import pytest

from agentswift.engine.argument_names import argument_names


@pytest.mark.parametrize(
    "name", ["learning_rate", "tuner_type", "lora_rank", "swanlab_mode", "max_length", "warmup_ratio"]
)
def test_ms_swifts_and_its_bases_names_are_known(name: str) -> None:
    assert name in argument_names()


@pytest.mark.parametrize("name", ["sft_type", "lerning_rate", "__post_init__", "_VALID_DICT_FIELDS", "logger"])
def test_nothing_else_is(name: str) -> None:
    assert name not in argument_names()


def test_nothing_heavy_is_imported_to_know_them() -> None:
    code = (
        "import os, sys, tempfile; os.environ['AGENTSWIFT_CACHE'] = tempfile.mkdtemp()\n"
        "from agentswift.engine.argument_names import argument_names; argument_names()\n"
        "print({'swift', 'torch', 'transformers'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"

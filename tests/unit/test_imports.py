"""What a command loads before an engine is needed: none of the libraries that take seconds."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.checked import good, written

HEAVY = {"torch", "swift", "transformers", "datasets", "modelscope", "peft"}
LOADED = (
    "import sys, runpy\nsys.argv[0] = 'agentswift'\n"
    "try: runpy.run_module('agentswift', run_name='__main__')\n"
    "except SystemExit as end: assert not end.code, end.code\n"
    "finally: print('\\n' + ' '.join({m.split('.')[0] for m in sys.modules}))"
)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "train --help",
        "train --cfg job",
        "train --cfg job experiment=agentfabric_qwen7b extra.neftune_noise_alpha=5",
        "list",
        "list what=models output=jsonl",
        "check path=rows.jsonl",
        "check data=quickstart output=jsonl",
        "register name=mine path=rows.jsonl registry=[cards] --cfg job",
    ],
)
def test_a_command_without_a_model_loads_no_engine(words: str, tmp_path: Path) -> None:
    written(tmp_path / "rows.jsonl", good(0), good(1))
    command = [sys.executable, "-c", LOADED, *words.split()]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "agentswift" in loaded
    assert not loaded & HEAVY

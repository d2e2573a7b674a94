"""What LLaMA-Factory's loader says of a file, whole and row by row, and its template of what it let through."""

import json
import os
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

os.environ.setdefault("DISABLE_VERSION_CHECK", "1")
# It imports torchaudio whatever it loads. There is no sound here, and its wheel wants the very torch it was made with.
sys.modules["torchaudio"] = ModuleType("torchaudio")
sys.modules["torchaudio"].__spec__ = ModuleSpec("torchaudio", None)


def main() -> None:
    """Print one line of JSON."""
    from datasets import load_dataset
    from llamafactory.data.converter import get_dataset_converter
    from llamafactory.data.parser import DatasetAttr
    from llamafactory.data.template import TEMPLATES

    from agentswift.engine.embedded import smollm2

    file = Path(sys.argv[1])
    try:
        rows = load_dataset("json", data_files=str(file), split="train")
        whole = f"loads {len(rows)} rows"
    except Exception as error:
        said = error.__cause__ or error
        whole = f"{type(said).__name__}: {str(said).splitlines()[0][:120]}"
    names = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    tags = {**names, "observation_tag": "tool", "function_tag": "tool_call", "system_tag": "system"}
    attributes = DatasetAttr("file", dataset_name="seeded", formatting="sharegpt")
    for name, value in {**tags, "messages": "messages", "tools": "tools"}.items():
        setattr(attributes, name, value)
    convert = get_dataset_converter("sharegpt", attributes, None)
    from transformers import AutoTokenizer

    tokenizer, template = AutoTokenizer.from_pretrained(str(smollm2())), TEMPLATES["qwen"]
    loader: dict[int, str] = {}
    encoding: dict[int, str] = {}
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        try:
            found = convert(json.loads(line.decode("utf-8")))
            if len(found["_prompt"]) % 2 != 1 or len(found["_response"]) != 1:  # SupervisedDatasetProcessor drops it
                raise ValueError("dropped")
        except Exception as error:
            loader[number] = encoding[number] = str(error) if str(error) == "dropped" else type(error).__name__
            continue
        try:
            said = found["_prompt"] + found["_response"]
            pairs = template.encode_multiturn(tokenizer, said, found["_system"], found["_tools"])
            if not any(answer for _, answer in pairs):
                encoding[number] = "no label"
        except Exception as error:
            encoding[number] = type(error).__name__
    print(json.dumps({"whole": whole, "loader": loader, "encoding": encoding}))


if __name__ == "__main__":
    main()

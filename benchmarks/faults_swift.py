"""What ms-swift's loader says of a file, whole and row by row, and its encoding of what it let through."""

import json
import sys
from pathlib import Path
from typing import Any


def whole(file: Path) -> str:
    """Return what loading the file comes to."""
    from swift.dataset import load_dataset

    try:
        rows = load_dataset([str(file)], split_dataset_ratio=0.0, num_proc=1, strict=False)[0]
    except Exception as error:
        said = error.__cause__ or error
        return f"{type(said).__name__}: {str(said).splitlines()[0][:120]}"
    return f"loads {len(rows)} rows"


def read(line: bytes) -> tuple[dict[str, Any] | None, str]:
    """Return a row as its preprocessors leave it, or why they refuse it."""
    from swift.dataset import AutoPreprocessor

    try:
        row = json.loads(line.decode("utf-8"))
        columns = list(row)  # a list has none
        chosen = AutoPreprocessor()._get_preprocessor(_Columns(columns))
        batch = chosen.batched_preprocess({k: [v] for k, v in row.items()}, strict=True, ignore_max_length_error=False)
        rows = chosen.batched_to_rows(batch)
        return (rows[0], "") if rows and "messages" in rows[0] else (None, "dropped")
    except Exception as error:
        return None, type(error).__name__


class _Columns:
    """As much of a data set as choosing a preprocessor asks for."""

    def __init__(self, names: list[str]) -> None:
        self.features = dict.fromkeys(names)


def main() -> None:
    """Print one line of JSON."""
    from swift.model import get_processor
    from swift.template import get_template

    from agentswift.engine.embedded import smollm2

    file = Path(sys.argv[1])
    settings = {"agent_template": "hermes", "max_length": 8192}
    template = get_template(get_processor(str(smollm2()), model_type="llama"), template_type="chatml", **settings)
    template.set_mode("train")
    loader: dict[int, str] = {}
    encoding: dict[int, str] = {}
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        row, why = read(line)
        if row is None:
            loader[number] = encoding[number] = why
            continue
        try:
            if not any(label >= 0 for label in template.encode(row)["labels"]):
                encoding[number] = "no label"
        except Exception as error:
            encoding[number] = type(error).__name__
    print(json.dumps({"whole": whole(file), "loader": loader, "encoding": encoding}))


if __name__ == "__main__":
    main()

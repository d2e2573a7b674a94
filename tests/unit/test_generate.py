from collections.abc import Callable
from functools import cache

import pytest

from agentswift.engine.dtype import default_dtype
from agentswift.engine.embedded import smollm2, tiny
from agentswift.engine.generate import Generator, cut
from agentswift.engine.tokenizer import load_tokenizer, whole_tokenizer

TEXTS = ["Hello", "The weather in Rome is", "北京天气怎么样？今天", "a b c d e f g h i j k l m"]


@cache
def generator() -> Generator:
    return Generator(tiny(), load_tokenizer(tiny()), torch_dtype="float32", threads=1)


def prompts() -> list[list[int]]:
    return [generator().tokenizer.encode(text) for text in TEXTS]


@pytest.mark.parametrize("tokens", [5, 64, 100])
def test_rows_together_write_what_each_writes_alone(tokens: int) -> None:
    together = generator().generate(prompts(), tokens, batch_size=4)
    assert together == generator().generate(prompts(), tokens, batch_size=1)
    assert together == [generator().generate([p], tokens)[0] for p in prompts()]


def test_a_row_ends_with_its_stop_word_and_the_others_go_on() -> None:
    free = generator().generate(prompts(), 90, batch_size=4)
    word = free[1][3:9]  # across tokens
    stopped = generator().generate(prompts(), 90, stop=(word, "never said"), batch_size=4)
    assert stopped == [cut(text, (word,)) for text in free]
    assert stopped[1].endswith(word)


def test_a_stop_word_in_the_prompt_stops_nothing() -> None:
    generated = generator()
    ids = generated.tokenizer.encode("Action: x\nObservation:")
    assert generated.generate([ids], 20, stop=("Observation:",)) == generated.generate([ids], 20)


def test_a_stop_id_ends_a_row_and_is_not_part_of_it() -> None:
    generated = generator()
    free = generated.generate(prompts()[:1], 70)[0]
    ids = generated.tokenizer.encode(free)
    end = ids[-1]
    text = generated.generate(prompts()[:1], 70, stop_ids=[end])[0]
    assert free.startswith(text)
    assert end not in generated.tokenizer.encode(text)


def test_progress_counts_rows_that_are_done() -> None:
    said: list[tuple[int, int]] = []
    note: Callable[[int, int], None] = lambda done, total: said.append((done, total))  # noqa: E731
    generator().generate(prompts(), 70, batch_size=2, progress=note)
    assert said[-1] == (4, 4)
    assert said == sorted(said)


def test_no_prompts_are_no_texts() -> None:
    assert generator().generate([], 10) == []


@pytest.mark.parametrize(
    ("text", "stop", "kept"),
    [
        ("a Observation: b", ("Observation:",), "a Observation:"),
        ("a b", ("Observation:",), "a b"),
        ("a\nObs b", ("\nObs", "Obs"), "a\nObs"),
        ("a Observation: b", ("Obs", "Observation:"), "a Observation:"),
        ("", ("x",), ""),
        ("a", (), "a"),
    ],
)
def test_a_text_is_cut_after_its_first_stop_word(text: str, stop: tuple[str, ...], kept: str) -> None:
    assert cut(text, stop) == kept


def test_smollm2_knows_the_capital_of_france() -> None:
    """The weights came whole out of their GGUF: greedy decoding gives the right answer and stops."""
    generated = Generator(smollm2(), load_tokenizer(smollm2()), torch_dtype="float32", threads=1)
    chat = [{"role": "user", "content": "What is the capital of France?"}]
    text = whole_tokenizer(smollm2()).apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    ids = generated.tokenizer.encode(str(text))
    assert generated.generate([ids], 30) == ["The capital of France is Paris."]


def test_the_number_type_is_one_that_the_cpu_computes_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for flags, named in ((set[str](), "float32"), ({"avx2"}, "float32"), ({"amx_bf16"}, "bfloat16")):
        monkeypatch.setattr("agentswift.engine.dtype._flags", lambda flags=flags: flags)
        assert default_dtype(use_cpu=True) == named
        assert default_dtype(use_cpu=False) == "bfloat16"

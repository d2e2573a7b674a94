"""What is answered to a mistake in composing: where it is, and what was meant."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from agentswift.compose import compose_run, search_path
from agentswift.errors import UsageError
from agentswift.schema.runs import Show, Train


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder, with no registry of one's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))
    return tmp_path


def mistake(*words: str, shape: type = Train) -> str:
    """Return what is answered to `words`."""
    with pytest.raises(UsageError) as error:
        compose_run(shape.__name__.lower(), shape, words)
    return str(error.value)


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("model=lama3", "no model 'lama3'. Did you mean llama3, llama3_1?"),
        ("data=quickstat", "no dataset 'quickstat'. Did you mean quickstart"),
        ("data=agentmx", "no dataset 'agentmx'. Did you mean agentmix"),
        ("data=zzzz", "no dataset 'zzzz'. agentswift list what=datasets shows them all"),
        ("tuner=lorra", "no tuner 'lorra'. Did you mean lora, qlora, dora?"),
        ("template=chatml", "that is a chat template: model.template=chatml"),
        ("template=reakt_en", "Did you mean react_en"),
        ("data=rows.jsonl", "Did you mean data.path=rows.jsonl?"),
        ("model=Qwen/Qwen2.5-0.5B", "Did you mean model.model=Qwen/Qwen2.5-0.5B?"),
        ("learnign_rate=1", "no key 'learnign_rate'. Did you mean learning_rate?"),
        ("lora_rank=8", "no key 'lora_rank'. Did you mean tuner.lora_rank?"),
        ("lora_rnak=8", "no key 'lora_rnak'. Did you mean tuner.lora_rank?"),
        ("model.modell=x", "Did you mean model.model"),
        ("qqqq=1", "no key 'qqqq'. --help lists every key"),
        ("neftune_noise_alpha=5", "extra.neftune_noise_alpha=VALUE passes it on"),
        (
            "extra.neftune_noise_alpa=5",
            "extra.neftune_noise_alpa: ms-swift has no such argument. Did you mean neftune_n",
        ),
        ("extra.lora_rank=5", "extra.lora_rank: has a key of its own, tuner.lora_rank"),
        ("extra.trust_remote_code=true", "has a key of its own, model.trust_remote_code"),
        ("extra.train_dataloader_shuffle=false", "would change nothing here: the mix makes the order: data.order=seq"),
        (
            "extra.new_special_tokens=more.txt",
            "would change nothing here: rows are encoded by the model's own tokenizer",
        ),
        ("extra.dataset_shuffle=false", "would change nothing here: the mix makes the order: data.order=sequential"),
        ("data.path=a.jsonl data.size=5", "data.size=5: 1 or more, with data.by=rows, tokens or weights"),
        ("data.path=a.jsonl data.rows.b=5", "data.rows.b: data.path=a.jsonl is the one part there is, by the name a"),
        ("data.path=a.jsonl data.ratios.a=5", "a file alone has no other part to be a ratio to"),
        ("extra.sft_type=lora", "today and here: tuner=lora|qlora|dora|full"),
        ("--learning_rate 1e-4", "--learning_rate 1e-4: keys are written without dashes: learning_rate=1e-4"),
        ("--sft-type=lora", "keys are written without dashes: no key 'sft_type'"),
        ("agentmix", "agentmix: write group=option. Did you mean data=agentmix?"),
        ("seed", "seed: write key=value. Did you mean seed=VALUE?"),
        ("max_steps=abc", "max_steps=abc: Value 'abc' of type 'str' could not be converted to Integer"),
        ("tuner.tuner_type=lorra", "expected one of [lora, full]"),
        ("data.parts=3", "data.parts=3: Cannot assign int to Dict[str, float]"),
        ("seed=a=b", "seed=a=b: cannot be read as a value. Quote it"),
        ("seed=1,2", "several values are a sweep, which needs -m. For a list: seed=[1,2]"),
        ("output_dir=${foo}", "output_dir: Interpolation key 'foo' not found"),
        ("registry=/nowhere", "/nowhere: cannot be read as a registry folder"),
        ("-m --cfg job", "give one of --run, --multirun, --cfg and --info"),
        ("--config-dir nowhere", "--config-dir: no folder nowhere"),
        ("--config-name trian", "--config-name: no configuration 'trian'. Did you mean train?"),
    ],
)
def test_a_mistake_is_answered_with_what_was_meant(words: str, answer: str) -> None:
    said = mistake(*words.split())
    assert answer.lower() in said.lower()
    assert "object_type" not in said


@pytest.mark.parametrize(
    ("old", "today"),
    [
        ("sft_type=lora", "tuner.tuner_type"),
        ("train_type=full", "tuner.tuner_type"),
        ("batch_size=2", "per_device_train_batch_size"),
        ("use_loss_scale=true", "loss_scale=react"),
        ("lora_target_modules=ALL", "tuner.target_modules=[all-linear]"),
        ("lora_dropout_p=0.1", "tuner.lora_dropout"),
        ("dataset_test_ratio=0.1", "split"),
        ("train_dataset_sample=-1", "data.rows"),
        ("custom_train_dataset_path=x", "data.path=FILE"),
        ("model_id_or_path=x", "model.model=PATH_OR_ID"),
        ("model_type=llama", "model.model_type"),
        ("use_flash_attn=true", "compute=flash"),
        ("eval_human=true", "nothing"),
        ("check_dataset_strategy=warning", "data.max_refused"),
    ],
)
def test_names_of_older_tutorials_are_answered_with_todays(old: str, today: str) -> None:
    assert today in mistake(old)


@pytest.mark.parametrize("value", ["many", "-2", "1.5", "0.5 %", "%", "5%%", "−1"])
def test_rows_that_may_be_refused_are_a_number_or_a_share(value: str) -> None:
    assert f"data.max_refused={value}: a number of rows (0), a share of them (0.5%), or -1" in mistake(
        f"data.max_refused={value}"
    )


@pytest.mark.parametrize("value", ["0", "-1", "12", "0.5%", "100%"])
def test_rows_that_may_be_refused_come_through_as_typed(value: str) -> None:
    assert compose_run("train", Train, [f"data.max_refused={value}"]).data.max_refused == value


def test_every_wrong_word_is_named_at_once() -> None:
    said = mistake("learnign_rate=1", "sft_type=lora", "seed=1", "max_stepz=2")
    assert len(said.splitlines()) == 3


@pytest.mark.parametrize(
    ("file", "text", "words", "answer"),
    [
        (
            "data/mine.yaml",
            "defaults: [card]\n\npartz: {a: 1}\n",
            "data=mine",
            "data/mine.yaml:3: no key 'data.partz'.",
        ),
        (
            "data/mine.yaml",
            "defaults: [card]\nrows: many\n",
            "data=mine",
            "data/mine.yaml:2: data.rows: ",
        ),
        ("data/mine.yaml", "defaults: [card]\nrows: {a: [1\nb: 2\n", "data=mine", 'data/mine.yaml", line 3'),
        (
            "experiment/mine.yaml",
            "# @package _global_\ndefaults:\n  - override /model: lama3\n",
            "experiment=mine",
            "experiment/mine.yaml:3: no model 'lama3'. Did you mean llama3",
        ),
        (
            "experiment/mine.yaml",
            "# @package _global_\nlearning_rat: 1\n",
            "experiment=mine",
            "experiment/mine.yaml:2: no key 'learning_rat'. Did you mean learning_rate?",
        ),
        (
            "my_train.yaml",
            "defaults: [train, _self_]\nsede: 1\n",
            "--config-name=my_train",
            "my_train.yaml:2: no key 'sede'. Did you mean seed?",
        ),
    ],
)
def test_a_mistake_in_a_file_is_answered_with_its_line(
    file: str, text: str, words: str, answer: str, elsewhere: Path
) -> None:
    (elsewhere / "my" / file).parent.mkdir(parents=True)
    (elsewhere / "my" / file).write_text(text, encoding="utf-8")
    assert answer in mistake("--config-dir", "my", *words.split())


def test_an_experiments_typo_is_seen_by_a_lesser_command(elsewhere: Path) -> None:
    (elsewhere / "my" / "experiment").mkdir(parents=True)
    (elsewhere / "my" / "experiment" / "mine.yaml").write_text("# @package _global_\nmax_lenght: 5\nlearning_rate: 1\n")
    said = mistake("--config-dir", "my", "experiment=mine", shape=Show)
    assert "mine.yaml:2: no key 'max_lenght'. Did you mean max_length?" in said


def test_two_options_of_one_name_are_refused_with_both_files(elsewhere: Path) -> None:
    (elsewhere / "my" / "data").mkdir(parents=True)
    (elsewhere / "my" / "data" / "agentmix.yaml").write_text("parts: {}\n")
    said = mistake("--config-dir", "my")
    assert said.startswith("my/data/agentmix.yaml: data=agentmix is already in ")
    assert "conf/data/agentmix.yaml" in said


def test_an_installed_package_adds_options(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = elsewhere / "acme_agents" / "conf"
    (conf / "data").mkdir(parents=True)
    for folder in (conf.parent, conf):
        (folder / "__init__.py").write_text("")
    (conf / "data" / "acmemix.yaml").write_text("defaults: [card]\nparts: {alpaca-en: 2.0}\n")
    point = EntryPoint("acme", "acme_agents", "agentswift.plugins")
    monkeypatch.setattr(search_path, "entry_points", lambda group: [point])
    monkeypatch.syspath_prepend(str(elsewhere))
    assert compose_run("train", Train, ["data=acmemix"]).data.parts == {"alpaca-en": 2.0}
    (conf / "data" / "agentmix.yaml").write_text("parts: {}\n")
    assert "acme_agents/conf/data/agentmix.yaml: data=agentmix is already in" in mistake()

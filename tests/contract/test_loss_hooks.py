"""The places where engine/trainer.py, head.py and loss_choice.py take hold of ms-swift, Transformers and PEFT."""

import inspect
import warnings

import pytest
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # third parties' own, while they are imported
    from peft.tuners.tuners_utils import BaseTuner
    from peft.utils.other import ModulesToSaveWrapper
    from swift.metrics import compute_acc
    from swift.template import Template
    from swift.trainers import Seq2SeqTrainer
    from transformers import GraniteConfig, LlamaConfig, Trainer

    from agentswift.engine.after_head import PROBE, told


def parameters(of: object) -> list[str]:
    return list(inspect.signature(of).parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "names"),
    [
        (Seq2SeqTrainer.compute_loss, ["self", "model", "inputs", "return_outputs", "num_items_in_batch"]),
        (Seq2SeqTrainer._prepare_inputs, ["self", "inputs"]),
        (Seq2SeqTrainer.get_use_logits_to_keep, ["self", "default_value"]),
        (Seq2SeqTrainer.get_cu_seqlens, ["self", "position_ids", "logits_to_keep"]),
        (Seq2SeqTrainer.log, ["self", "logs", "args", "kwargs"]),
        (Trainer._get_num_items_in_batch, ["self", "batch_samples", "device"]),
        (Template.compute_sft_loss, ["self", "model", "inputs", "num_items_in_batch", "trainer"]),
        (Template.get_base_model, ["model"]),
        (compute_acc, ["preds", "labels", "acc_strategy", "is_encoder_decoder", "cu_seqlens"]),
    ],
)
def test_a_method_of_ours_stands_for_one_of_the_same_signature(method: object, names: list[str]) -> None:
    assert parameters(method) == names


def test_items_are_counted_once_a_window_and_once_an_evaluation_batch_before_the_loss() -> None:
    assert "_get_num_items_in_batch(batch_samples, device)" in inspect.getsource(Trainer.get_batch_samples)
    step = inspect.getsource(Trainer.prediction_step)
    assert step.index("_prepare_inputs(inputs)") < step.index("_get_num_items_in_batch(") < step.index("compute_loss(")


def test_ms_swift_divides_as_ours_does() -> None:
    """By the items, times the ranks; the experts' loss by the batch's share of the window."""
    source = inspect.getsource(Seq2SeqTrainer.compute_loss)
    for line in (
        "loss_scale = inputs.pop('loss_scale', None)",
        "text_position_ids = inputs.pop('text_position_ids', None)",
        "channels = inputs.pop('channel', None)",
        "torch.roll(loss_scale, shifts=-1, dims=-1).view(-1)",
        "loss = outputs.loss.sum() / num_items_in_batch",
        "aux_loss = aux_loss * ((labels[:, 1:] != -100).sum() / num_items_in_batch)",
        "loss = loss + self.args.router_aux_loss_coef * aux_loss.to(loss.device)",
        "loss *= self.accelerator.num_processes",
    ):
        assert line in source


def test_logs_are_the_trainers_to_add_to_in_either_mode() -> None:
    assert "'train' if self.model.training else 'eval'" in inspect.getsource(Seq2SeqTrainer.log)


def test_the_settings_that_send_the_loss_ms_swifts_way_have_these_names() -> None:
    source = inspect.getsource(Seq2SeqTrainer.compute_loss) + inspect.getsource(Seq2SeqTrainer._prepare_inputs)
    for name in ("self.label_smoother", "compute_loss_func", "args.enable_dft_loss", "args.enable_channel_loss",
                 "template.sequence_parallel_size", "args.tuner_backend"):  # fmt: skip
        assert name in source
    assert callable(Trainer.get_tp_size)


def test_peft_calls_the_models_forward_past_its_hooks_and_names_the_head_it_trains() -> None:
    assert "self.model.forward(" in inspect.getsource(BaseTuner.forward)
    assert "self.modules_to_save[self.active_adapters[0]]" in inspect.getsource(ModulesToSaveWrapper._forward_wrapped)


def test_what_a_model_does_to_its_logits_is_told_by_the_probe() -> None:
    sent = torch.tensor(PROBE)
    plain, granite = LlamaConfig(), GraniteConfig(logits_scaling=4.0)
    capped = LlamaConfig()
    capped.final_logit_softcapping = 30.0
    assert (found := told(sent, plain)) is not None
    assert found.factor == 1.0
    assert (found := told(sent / 4, granite)) is not None
    assert found.factor == 0.25
    assert (found := told(torch.tanh(sent / 30) * 30, capped)) is not None
    assert found.factor is None
    assert told(sent / 4, plain) is None
    assert told(sent[:2], plain) is None

import io

from agentswift.report.progress import Progress, Training


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_work_that_ends_at_once_says_nothing() -> None:
    out, clock = io.StringIO(), Clock()
    with Progress("encoding", "rows", out, clock) as progress:
        progress(1, 2)
        progress(2, 2)
    assert out.getvalue() == ""


def test_long_work_says_how_far_it_is_and_how_long_it_takes() -> None:
    out, clock = io.StringIO(), Clock()
    with Progress("encoding", "rows", out, clock) as progress:
        clock.now = 20.0
        progress(100, 400)
    assert out.getvalue() == "encoding: 100/400 rows, 5.0/s, 1:00 left\n"


def test_each_logged_step_is_one_line() -> None:
    out, clock = io.StringIO(), Clock()
    with Training(62, out, clock) as training:
        clock.now = 30.0
        training.record({"loss": 1.5, "token_acc": 0.5, "learning_rate": 1e-3, "global_step/max_steps": "31/62"})
        training.record({"eval_loss": 0.25, "eval_token_acc": 0.9, "global_step/max_steps": "31/62"})
        training.record({"train_runtime": 3})
    lines = out.getvalue().splitlines()[1:]
    assert lines == [
        "step 31/62  loss 1.5000  token_acc 0.500, lr 1.00e-03  0:30 gone, 0:30 left",
        "step 31/62  eval_loss 0.2500  token_acc 0.900  0:30 gone, 0:30 left",
    ]

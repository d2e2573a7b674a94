"""How far long work is: one moving line on a terminal, a plain line now and then where there is none."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, TextIO

Clock = Callable[[], float]  # seconds


class Progress:
    """Counts things done: `progress(done, total)`. Nothing is drawn for work that ends within a second."""

    def __init__(self, title: str, unit: str, out: TextIO | None = None, clock: Clock = time.monotonic) -> None:
        self.title, self.unit, self.out, self.clock = title, unit, out or sys.stderr, clock
        self.started = self.drawn = clock()
        self.moving = False

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.moving:
            print(file=self.out)

    def __call__(self, done: int, total: int) -> None:
        """Say how far it is, at most twice a second on a terminal and every ten seconds elsewhere.

        `total` 0: not known, as of a file that is streamed.
        """
        now, terminal = self.clock(), self.out.isatty()
        pause = 0.5 if terminal else 10.0
        if now - self.drawn < pause and not (done == total and self.moving):
            return
        self.drawn = now
        rate = done / max(now - self.started, 1e-9)
        left = f", {_duration((total - done) / rate) if rate else '?'} left" if total else ""
        text = f"{self.title}: {done}{f'/{total}' if total else ''} {self.unit}, {rate:.1f}/s{left}"
        print(f"\r\x1b[K{text}" if terminal else text, end="" if terminal else "\n", file=self.out, flush=True)
        self.moving = terminal


class Training:
    """Training's progress from ms-swift's records: a line each time it logs, with the time left."""

    def __init__(self, steps: int, out: TextIO | None = None, clock: Clock = time.monotonic) -> None:
        self.steps, self.out, self.clock, self.started = steps, out or sys.stdout, clock, clock()

    def __enter__(self) -> "Training":
        print("starting the engine (loading the model takes some seconds) ...", file=self.out, flush=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return None

    def record(self, record: dict[str, Any]) -> None:
        """Draw one record of logging.jsonl: what it says, or its losses; one that has neither is passed over."""
        if "said" in record:
            print(record["said"], file=self.out, flush=True)
        step = str(record.get("global_step/max_steps", "")).split("/")[0]
        said = [f"{name} {float(record[name]):.4f}" for name in ("loss", "eval_loss") if name in record]
        said += [f"token_acc {float(record[name]):.3f}" for name in ("token_acc", "eval_token_acc") if name in record]
        if not said or not step.isdigit():
            return
        gone = self.clock() - self.started
        left = _duration(gone / max(int(step), 1) * (self.steps - int(step)))
        rate = f", lr {float(record['learning_rate']):.2e}" if "learning_rate" in record else ""
        line = f"step {step}/{self.steps}  {'  '.join(said)}{rate}  {_duration(gone)} gone, {left} left"
        print(line, file=self.out, flush=True)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

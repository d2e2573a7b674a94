"""The figures of a run before it starts, and how they are said: peak memory, whether that fits, time to the end."""

from dataclasses import dataclass

from agentswift.engine.architecture import Shape
from agentswift.engine.devices import Device
from agentswift.engine.estimate import GB, ROUGH, Memory
from agentswift.engine.pace import Work, operations
from agentswift.engine.step import Batch, Settings

_LESS = (
    "compute.gradient_checkpointing=true, a smaller max_length or batch, tuner=qlora, more GPUs with compute=zero3 "
    "(docs/compute.md)"
)


@dataclass(frozen=True)
class Measured:
    """What a probe found: real steps of the run."""

    tokens_per_s: float  # of a rank
    peak: float  # bytes of a rank, in those steps
    steps: int


@dataclass(frozen=True)
class Outlook:
    """The figures of a run before it starts."""

    settings: Settings
    shape: Shape
    batch: Batch  # the one that takes most
    memory: Memory
    work: Work  # of the whole run, on all ranks
    steps: int
    devices: list[Device]  # what it would run on; none: no GPU is seen

    def seconds(self, tokens_per_s: float | None = None) -> float | None:
        """Return how long the steps take, at a rank's tokens a second or at the devices' pace; None: unknown."""
        if tokens_per_s is not None:
            return self.work.tokens / (tokens_per_s * self.settings.ranks)
        paces = [device.pace for device in self.devices]
        if not paces or paces[0] is None:
            return None
        devices = self.settings.ranks if self.settings.on_gpu else 1  # ranks on a CPU share it
        return operations(self.shape, self.settings, self.work) / (paces[0] * devices)

    def text(self, measured: Measured | None = None) -> str:
        """Return what `dry_run` prints of it: memory and its parts, whether that fits, time and where it comes from."""
        return "\n".join([self._memory(), self._fits(), self._time(measured)])

    def _memory(self) -> str:
        parts = ", ".join(f"{name} {_gb(size)}" for name, size in self.memory.parts.items() if size >= 0.005 * GB)
        host = f"; and {_gb(self.memory.host)} GB of CPU memory" if self.memory.host else ""
        batch = f"{self.batch.rows} x {self.batch.length} tokens, {self.batch.kept} of them trained"
        rough = f"{'not measured on a GPU: allow' if self.settings.on_gpu else 'within'} {100 * ROUGH:.0f} %"
        unlike = f"; layers unlike Llama's ({self.shape.unlike}): rougher" if self.shape.unlike else ""
        sure = f"{rough}{unlike}"
        return f"memory: about {_gb(self.memory.total)} GB a rank at its peak ({sure}): {parts}{host} (batch: {batch})"

    def _fits(self) -> str:
        ranks, total = self.settings.ranks, self.memory.total
        if not self.devices:
            return "devices: no GPU is seen here (docs/compute.md: which GPU holds what)"
        if self.settings.on_gpu and len(self.devices) < ranks:
            return f"devices: launch.nproc_per_node={ranks}, but {len(self.devices)} GPU is all that is seen here"
        room = min(device.memory for device in self.devices) / (1 if self.settings.on_gpu else ranks)
        name = self.devices[0].name
        if total > room:
            return f"devices: it does NOT fit {name}, {_gb(room)} GB a rank. Less memory: {_LESS}"
        close = " but closely" if total * (1 + ROUGH) > room else ""
        return f"devices: it fits{close}: {name}, {_gb(room)} GB a rank"

    def _time(self, measured: Measured | None) -> str:
        work = f"time: {self.steps} steps, {self.work.tokens:,.0f} tokens computed, {self.work.kept:,.0f} trained"
        assumed = self.seconds()
        source = "the GPU's data sheet" if self.settings.on_gpu else "a matrix product timed here"
        guess = f"{self.work.tokens / assumed:,.0f} tokens/s, assumed from {source}" if assumed else ""
        if measured is not None:
            took = self.seconds(measured.tokens_per_s) or 0.0
            rate = f"{self.work.tokens / took:,.0f} tokens/s, as a probe of real steps measured"
            most = f"{_gb(measured.peak)} GB in {measured.steps} steps, one with the longest rows"
            beside = f"; {guess}" if guess else ""
            return f"{work}: {_hours(took)} at {rate} (its own peak: {most}{beside})"
        if assumed is None:
            return f"{work}; this device's speed is not known: probe=true times real steps"
        return f"{work}: about {_hours(assumed)} at {guess}; probe=true times real steps"


def _gb(size: float) -> str:
    return f"{size / GB:.1f}" if size >= 10 * GB else f"{size / GB:.2f}"


def _hours(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"

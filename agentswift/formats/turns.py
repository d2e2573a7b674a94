"""What every format hands its words and steps to: it cuts them into turns and holds the rules all formats share."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from agentswift.conversation import Conversation, Kind, Step, Tool, Turn
from agentswift.errors import RowError


@dataclass
class Turns:
    """A conversation while it is read. Steps come in order; plain replies come as kind "text".

    - A user's word after a step begins a turn; two words in a row are one, joined by a line break (ms-swift and XTuner
      join them too, with nothing between).
    - Plain text straight before a call is a thought: the model said it on the way to the call.
    - An observation answers a call of the last group of calls; with none open it is refused (orphan-observation).
    - Empty thoughts vanish, an empty reply is refused (empty-assistant), an empty result of a tool is kept.
    - What remains of plain text is an "answer" where the conversation has tools, calls or thoughts, else "text".
    """

    turns: list[Turn] = field(default_factory=list)
    _open: int = 0  # calls of the last group that have no observation yet

    def user(self, text: str) -> None:
        """Add a user's word."""
        if self.turns and not self.turns[-1].steps and self.turns[-1].user is not None:
            self.turns[-1] = replace(self.turns[-1], user=f"{self.turns[-1].user}\n{text}")
        else:
            self.turns.append(Turn(user=text))
        self._open = 0

    def add(self, step: Step, path: str = "$") -> None:
        """Add a step; `path` is where in the row it stands. Raises RowError empty-assistant or orphan-observation."""
        last = self.turns[-1].steps[-1] if self.turns and self.turns[-1].steps else None
        if step.kind == "call":
            if last is not None and last.kind in ("text", "answer"):
                self._steps((*self.turns[-1].steps[:-1], replace(last, kind="thought")))
            self._open = self._open + 1 if last is not None and last.kind == "call" else 1
        elif step.kind == "observation":
            if not self._open:
                raise RowError(
                    "a tool's result without a call that waits for one",
                    path=path,
                    rule="orphan-observation",
                    fix="put each result behind its call, or remove it",
                )
            self._open -= 1
        elif not step.text.strip():
            if step.kind != "thought":
                raise empty_assistant(path)
            return
        if not self.turns:
            self.turns.append(Turn(user=None))
        self._steps((*self.turns[-1].steps, step))

    def extend(self, steps: Iterable[Step], path: str = "$") -> None:
        """Add steps that all stand at `path`."""
        for step in steps:
            self.add(step, path)

    def _steps(self, steps: tuple[Step, ...]) -> None:
        self.turns[-1] = replace(self.turns[-1], steps=steps)

    def conversation(
        self, system: str | None = None, tools: tuple[Tool, ...] = (), *, is_prompt: bool = False
    ) -> Conversation:
        """Return the whole. Raises RowError no-assistant when the agent says nothing in it and it is no prompt."""
        steps = [step for turn in self.turns for step in turn.steps]
        if not steps and not is_prompt:
            raise RowError(
                "no assistant turn: there is nothing to train on",
                rule="no-assistant",
                fix="give the row at least one message of the assistant",
            )
        agentic = bool(tools) or any(step.kind in ("call", "thought") for step in steps)
        plain: Kind = "answer" if agentic else "text"
        return Conversation(
            turns=tuple(
                replace(turn, steps=tuple(replace(s, kind=plain) if s.kind in _PLAIN else s for s in turn.steps))
                for turn in self.turns
            ),
            system=system,
            tools=tools,
        )


_PLAIN = ("text", "answer")


def empty_assistant(path: str) -> RowError:
    """Return the error of a message in which the assistant says nothing and calls nothing."""
    return RowError(
        "an empty message of the assistant", path=path, rule="empty-assistant", fix="write its text, or remove it"
    )

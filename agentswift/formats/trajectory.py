"""ReAct text → steps: `Thought:`, `Action:`, `Action Input:`, `Observation:`, `Final Answer:` at the start of a line.

Two ways of calling: `Action: search` with `Action Input: {…}`, and FireAct's `Action: search[words]`, which is a call
with {"query": words} or, for `finish[words]`, the answer. A label inside a JSON value, inside <result>…</result> or
inside a sentence is text; so is one that cannot follow (a second `Observation:`, an `Action:` without input in a
tool's result).
"""

import re
from dataclasses import dataclass, replace
from typing import Literal

from agentswift.conversation import Kind, Step
from agentswift.errors import RowError
from agentswift.formats.chat import Message, reasoned
from agentswift.formats.messages import flagged
from agentswift.formats.turns import Turns, empty_assistant
from agentswift.formats.values import arguments, value_end

Label = Literal["", "thought", "action", "action_input", "observation", "final", "answer"]
_LABELS: dict[str, Label] = {
    "Thought": "thought",
    "Action": "action",
    "Action Input": "action_input",
    "Observation": "observation",
    "Final Answer": "final",
    "Answer": "answer",  # AgentFabric's: what it introduces may go on with another call
}
_LABEL = re.compile(r"^[ \t]*(Thought|Action Input|Action|Observation|Final Answer|Answer)[ \t]*[:：]", re.MULTILINE)
_CALLED = re.compile(r"\s*\w+\[|[^\n]*\n\s*Action Input[ \t]*[:：]")  # behind an Action that is surely one
_BARE = re.compile(r"[^\n]*(?:\n\s*(?:Observation|Thought|Final Answer)[ \t]*[:：]|\s*\Z)")  # one without arguments
_RESULT_END = re.compile(r"</result>(?=\s*(?:\Z|(?:Answer|Final Answer|Thought|Action|Observation)[ \t]*[:：]))")
_BRACKETS = re.compile(r"(\w+)\[(.*)\]", re.DOTALL)
CALL = re.compile(r"^[ \t]*Action[ \t]*[:：](?:\s*\w+\[|[^\n]*\n\s*Action Input[ \t]*[:：])", re.MULTILINE)
FINISH = re.compile(r"^[ \t]*Action[ \t]*[:：]\s*finish\s*\[", re.MULTILINE | re.IGNORECASE)
OBSERVATION = re.compile(r"\s*Observation[ \t]*[:：][ \t]*")
_STOPPED = re.compile(r"(?:^|\n)[ \t]*Observation[ \t]*[:：]\s*\Z")
_ANSWER_ASKED = re.compile(r"\s*(?:^|\n)[ \t]*Answer[ \t]*[:：][ \t]*\Z")


def split(text: str, *, fabric: bool = False) -> list[tuple[Label, str]]:
    """Return the parts of `text` with their labels, "" for what stands before the first; labels are taken off.

    `fabric`: `Answer:` is a label too.
    """
    parts: list[tuple[Label, str]] = []
    label: Label = ""
    start = at = waiting = 0  # waiting: calls of this group without a result
    while found := _LABEL.search(text, at):
        then = _LABELS[found[1]]
        at = found.end()
        # The runtime writes "Answer:", and some models write it once more.
        again = label == then == "answer" and not text[start : found.start()].strip()
        if (then != "answer" or fabric) and (again or _follows(label, then, text, at, waiting)):
            if then in ("action", "observation"):
                waiting = waiting - 1 if then == "observation" else waiting + 1 if label.startswith("action") else 1
            parts.append((label, text[start : found.start()]))
            label, start = then, at
            at = _past_value(label, text, start)
    return [*parts, (label, text[start:])]


def _follows(label: Label, then: Label, text: str, at: int, waiting: int) -> bool:
    """Whether the label `then`, which ends at `at`, can follow a part labelled `label` while calls are `waiting`."""
    if label == "final":
        return False
    if then == "action_input":
        return label == "action"
    if then == "observation":
        return label not in ("observation", "answer") or (label == "observation" and waiting > 0)
    if then == "action":
        sure = _CALLED.match(text, at) is not None
        return sure or (label not in ("observation", "answer") and _BARE.match(text, at) is not None)
    return not (label == then == "answer")


def _past_value(label: Label, text: str, start: int) -> int:
    """Return where the search for labels goes on: behind a JSON value or a result in its tags."""
    if label == "observation" and text[start:].lstrip().startswith("<result>"):
        end = _RESULT_END.search(text, start)
        return end.end() if end else start
    return value_end(text, start) if label in ("action_input", "observation") else start


def steps(text: str, path: str, *, fabric: bool = False) -> list[tuple[Label, Step]]:
    """Return the steps in a text of the agent, each with the label that it stood behind.

    An `Observation:` or `Answer:` at the very end, with nothing behind, is where the model stopped, and no step.
    Raises RowError bad-arguments.
    """
    parts = [(label, body.strip()) for label, body in split(text, fabric=fabric)]
    if len(parts) > 1 and parts[-1][1] == "" and parts[-1][0] in ("observation", "answer"):
        parts.pop()
    found: list[tuple[Label, Step]] = []
    for i, (label, body) in enumerate(parts):
        if label == "action":
            then = parts[i + 1] if i + 1 < len(parts) else ("", "")
            found.append((label, _action(body, then[1] if then[0] == "action_input" else None, path)))
        elif label == "observation":
            found.append((label, Step(kind="observation", text=unwrapped(body))))
        elif label == "final" or (body and label != "action_input"):
            kind: Kind = "thought" if label == "thought" else "answer" if label else "text"
            thought, body = ("", body) if label == "thought" else reasoned(body)
            found += [(label, Step(kind="thought", text=thought))] if thought else []
            found += [(label, Step(kind=kind, text=body))] if body or not thought else []
    return found


def _action(name: str, given: str | None, path: str) -> Step:
    if given is None and (brackets := _BRACKETS.fullmatch(name)):
        if brackets[1].lower() == "finish":
            return Step(kind="answer", text=brackets[2].strip())
        return Step(kind="call", tool=brackets[1], arguments={"query": brackets[2]})
    if not name or "\n" in name or (given is None and "[" in name):
        raise RowError(
            f"no tool's name behind Action: {name[:60]!r}",
            path=path,
            rule="bad-call",
            fix="write Action: NAME and Action Input: {…}, or Action: NAME[words]",
        )
    return Step(kind="call", tool=name, arguments=arguments(given, path))


def unwrapped(text: str) -> str:
    """Return a result without AgentFabric's <result> tags."""
    inner = re.fullmatch(r"\s*<result>(.*)</result>\s*", text, re.DOTALL)
    return inner[1] if inner else text


@dataclass
class Trajectory:
    """Hands ReAct messages to `turns`; `fabric` as in `split`.

    What the environment says after `finish[…]` ("Episode finished, reward = 1") is no step: nobody reads it.
    """

    turns: Turns
    fabric: bool = False
    _over: bool = False  # the last step was a finish[…]
    _stopped: bool = False  # the agent's last text ended with "Observation:": its next message is the result

    def message(self, message: Message) -> None:
        """Add a message; a user's that opens with `Observation:` is a result, and its text is split no further.

        Text before FireAct's first label, where no user has spoken yet, is the question. A message of the agent's that
        follows an open `Observation:` is what the runtime put there: ms-swift's way to leave results untrained.
        """
        text, label = message.text, OBSERVATION.match(message.text)
        stopped, self._stopped = self._stopped, False
        if stopped and message.role == "assistant":
            self.observe(unwrapped(_ANSWER_ASKED.sub("", text) if self.fabric else text).strip(), message.path)
        elif message.role == "user" and label:
            self.observe(unwrapped(text[label.end() :].strip()), message.path)
        elif message.role == "user":
            self.ask(text)
        elif message.role == "observation":
            self.observe(text, message.path)
        else:
            if not self.turns.turns and FINISH.search(text) and (asked := before_labels(text)).strip():
                self.ask(asked)
                text = text[len(asked) :]
            self._stopped = _STOPPED.search(text) is not None
            self.answer(text, message.path, flags=message)

    def ask(self, text: str) -> None:
        """Add a user's word."""
        self.turns.user(text)
        self._over = self._stopped = False

    def observe(self, text: str, path: str) -> None:
        """Add a tool's result."""
        self._stopped = False
        if not self._over:
            self.turns.add(Step(kind="observation", text=text), path)

    def answer(self, text: str, path: str, *, given: int = 0, flags: Message | None = None) -> None:
        """Add a text of the agent, whose first `given` steps are not trained, nor are those that `flags` says so of.

        Raises RowError empty-assistant.
        """
        if not text.strip():
            raise empty_assistant(path)
        for i, (label, step) in enumerate(steps(text, path, fabric=self.fabric)):
            if step.kind != "observation" or not self._over:
                own = step if flags is None or step.kind == "observation" else flagged([step], flags)[0]
                self.turns.add(replace(own, train=own.train and i >= given), path)
                self._over = label == "action" and step.kind == "answer"


def before_labels(text: str) -> str:
    """Return what stands before the first label, "" where there is none."""
    parts = split(text)
    return parts[0][1] if len(parts) > 1 else ""

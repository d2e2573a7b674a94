"""The way of converted rows: each read, changed as asked, written and read back, counted."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from agentswift.conversation import Conversation
from agentswift.convert.losses import Loss
from agentswift.convert.rows_out import RowsOut
from agentswift.convert.targets import Target
from agentswift.corpus import Outcome
from agentswift.errors import RowError
from agentswift.rows import Finding, Ledger, Severity

_FIX = {
    "lost-content": "choose a target that holds it: to=openai",
    "lost-kind": "lossy=true writes the row all the same; thoughts=drop helps where it is a thought",
    "lost-schema": "lossy=true writes the row all the same; other agent templates show the whole schema",
    "lost-weights": "lossy=true writes the row without them; to=openai and to=ms_swift hold them",
}


@dataclass
class Converted:
    """What became of the rows: counts, and of each severity and rule how often and the first.

    `columns`: what is not carried over, as no format reads it, and in how many of the rows written it was.
    """

    ledger: Ledger
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    first: dict[tuple[str, str], Finding] = field(default_factory=dict)
    columns: Counter[str] = field(default_factory=Counter)

    def note(self, finding: Finding) -> None:
        """Count a finding; only the first of its rule is kept, so that memory does not grow with the file."""
        key = finding.severity, finding.rule
        self.counts[key] = self.counts.get(key, 0) + 1
        self.first.setdefault(key, finding)


def convert(
    outcomes: Iterable[Outcome],
    target: Target,
    out: RowsOut,
    *,
    lossy: bool = False,
    refused: Callable[[Finding], None] = lambda _: None,
    read: Callable[[int], None] = lambda _: None,
) -> Converted:
    """Write what `outcomes` hold; `refused` is told each finding that left a row out, `read` the rows read so far."""
    done = Converted(Ledger(target.name))
    for outcome in outcomes:
        findings, row = list(outcome.findings), None
        if outcome.conversation is not None:
            row, found = _written(outcome.conversation, target, lossy=lossy)
            findings += found
        done.ledger.read += outcome.counts
        done.ledger.kept += row is not None
        done.ledger.refused += outcome.counts if row is None else 0
        if row is not None:
            out.write(row)
            done.columns.update(outcome.unread)
        for finding in findings:
            done.note(finding)
            if finding.severity == "error":
                refused(finding)
        read(done.ledger.read)
    return done


def without_thoughts(conversation: Conversation) -> Conversation:
    """Return the conversation with what the agent did and said, and nothing of what it thought."""
    turns = (replace(t, steps=tuple(s for s in t.steps if s.kind != "thought")) for t in conversation.turns)
    return replace(conversation, turns=tuple(turns))


def _written(
    conversation: Conversation, target: Target, *, lossy: bool
) -> tuple[dict[str, object] | None, list[Finding]]:
    """Return the row, None for one that is refused, and what is lost in it."""
    source = conversation.source
    try:
        row = target.write(conversation)
    except RowError as error:
        return None, [Finding.of(source, error.path, error.rule, "error", str(error), error.fix)]
    found = list(target.lost(conversation, row))
    refuse = any(not (loss.minor and lossy) for loss in found)
    findings = [_finding(loss, conversation, refuse=not (loss.minor and lossy)) for loss in found]
    return (None if refuse else {**({"id": source.id} if source.id else {}), **row}), findings


def _finding(loss: Loss, conversation: Conversation, *, refuse: bool) -> Finding:
    severity: Severity = "error" if refuse else "warning"
    return Finding.of(conversation.source, loss.path, loss.rule, severity, loss.message, _FIX[loss.rule])

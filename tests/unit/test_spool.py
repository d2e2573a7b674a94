"""A spool is the list that went into it, whatever it holds and however it is asked."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentswift.conversation import Conversation, Source, Step, Tool, Turn
from agentswift.spool import Joined, Spool


def conversation(number: int) -> Conversation:
    steps = (
        Step(kind="call", tool="f", arguments={"城市": ["北京", number]}, weight=0.5),
        Step(kind="answer", text="\ud800"),
    )
    tools = (Tool(name="f", parameters={"type": "object"}),)
    return Conversation(turns=(Turn(user=None, steps=steps),), tools=tools, source=Source(file="a", row=number))


@given(st.lists(st.integers()), st.integers(-20, 20), st.slices(10))
@settings(max_examples=50)
def test_a_spool_is_the_list_it_was_made_of(items: list[int], index: int, part: slice) -> None:
    spool = Spool(iter(items))
    assert [*spool] == items
    assert len(spool) == len(items)
    assert spool[part] == items[part]
    if -len(items) <= index < len(items):
        assert spool[index] == items[index]
    else:
        with pytest.raises(IndexError):
            spool[index]


@given(st.lists(st.lists(st.integers(), max_size=3), max_size=5))
@settings(max_examples=50)
def test_joined_is_one_list_after_the_other(parts: list[list[int]]) -> None:
    joined, flat = Joined(parts), [item for part in parts for item in part]
    assert [*joined] == flat
    assert [joined[i] for i in range(len(joined))] == flat
    assert joined[1:] == flat[1:]
    assert not flat or joined[-1] == flat[-1]


def test_a_conversation_comes_back_with_its_weights_and_source() -> None:
    spool = Spool(map(conversation, range(3)))
    assert repr(spool[1]) == repr(conversation(1))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc to look for open files in")
def test_nothing_is_left_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    spool: Spool[int] | None = Spool(range(1000))
    assert not [*tmp_path.iterdir()]
    opened = len(os.listdir("/proc/self/fd"))
    spool = None
    gc.collect()
    assert spool is None
    assert len(os.listdir("/proc/self/fd")) == opened - 1

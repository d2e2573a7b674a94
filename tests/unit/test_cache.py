"""The encoded cache: what goes in comes out, once, whole."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from agentswift.engine import cache
from agentswift.engine.cache import SCHEMA, Encodings, cached
from agentswift.engine.encode import Encoded
from agentswift.errors import OutputError
from agentswift.weights import SpanRow

ACTION = SpanRow(field="action", of="", step=0, turn=0, weight=0.5)
LABEL = SpanRow(field="label", of="action", step=-1, turn=3, weight=1.0)
ROWS = [
    Encoded([5, 6, 7], [0, 1, 1], (ACTION, LABEL), "abc"),
    Encoded([9], [0], (LABEL,), "d"),
]


def test_rows_come_back_as_they_went_in(tmp_path: Path) -> None:
    rows = cached(tmp_path / "new" / "k.arrow", lambda: ROWS)
    assert rows.lengths.tolist() == [3, 1]
    for i, row in enumerate(ROWS):
        assert rows.input_ids(i).tolist() == row.input_ids
        assert rows.span_ids(i).tolist() == row.span_ids
        assert tuple(rows.spans(i)) == row.spans


def test_more_rows_than_a_record_batch_keep_their_order(tmp_path: Path) -> None:
    many = [Encoded([i, i], [0, 0], (ACTION,), "") for i in range(2500)]
    rows = cached(tmp_path / "k.arrow", lambda: many)
    assert [int(rows.input_ids(i)[0]) for i in (0, 999, 1000, 2499)] == [0, 999, 1000, 2499]


def test_what_is_mapped_is_not_copied_into_memory(tmp_path: Path) -> None:
    cached(file := tmp_path / "k.arrow", lambda: [Encoded([1] * 500, [0] * 500, (ACTION,), "")] * 2500)
    before = pa.total_allocated_bytes()
    rows = Encodings(file)
    assert rows.input_ids(2499).tolist() == [1] * 500
    assert pa.total_allocated_bytes() - before < file.stat().st_size / 50


def test_a_second_reader_encodes_nothing(tmp_path: Path) -> None:
    cached(tmp_path / "k.arrow", lambda: ROWS)
    assert len(cached(tmp_path / "k.arrow", lambda: pytest.fail("encoded twice"))) == 2


def test_a_failure_leaves_no_file_behind(tmp_path: Path) -> None:
    def broken() -> Iterator[Encoded]:
        yield ROWS[0]
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        cached(tmp_path / "k.arrow", broken)
    assert [f.suffix for f in tmp_path.iterdir()] == [".lock"]
    assert len(cached(tmp_path / "k.arrow", lambda: ROWS)) == 2


def test_no_rows_is_an_empty_cache(tmp_path: Path) -> None:
    assert len(cached(tmp_path / "k.arrow", list)) == 0


# A process that writes FILE slowly: a line on stdout for each thousand rows, a mark in FILE.times for each start.
WRITER = """
import sys, time
from pathlib import Path
from agentswift.engine.cache import cached
from agentswift.engine.encode import Encoded
from agentswift.weights import SpanRow
file, rows = Path(sys.argv[1]), int(sys.argv[2])
span = (SpanRow(field="answer", of="", step=0, turn=0, weight=1.0),)

def encode():
    with Path(f"{file}.times").open("a") as times:
        times.write("once ")
    for number in range(rows):
        if number % 1000 == 999:
            print("a thousand", flush=True)
            time.sleep(0.2)
        yield Encoded([number] * 300, [0] * 300, span, "")

found = cached(file, encode)
print(len(found), int(found.lengths.sum()), sum(int(found.input_ids(i)[-1]) for i in range(len(found))))
"""


def writer(file: Path, rows: int, before: str = "") -> "subprocess.Popen[str]":
    words = [sys.executable, "-W", "ignore", "-c", before + WRITER, str(file), str(rows)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_that_want_the_same_rows_at_once_encode_them_once(tmp_path: Path) -> None:
    started = [writer(tmp_path / "k.arrow", 3000) for _ in range(4)]
    said = [process.communicate(timeout=120) for process in started]
    assert {out.splitlines()[-1] for out, _ in said} == {f"3000 900000 {sum(range(3000))}"}
    assert (tmp_path / "k.arrow.times").read_text() == "once "
    assert sum("waiting for another process" in err for _, err in said) <= 3
    assert sorted(f.name for f in tmp_path.iterdir()) == ["k.arrow", "k.arrow.times", "k.lock"]


def test_a_process_killed_while_it_writes_leaves_nothing_that_is_read(tmp_path: Path) -> None:
    with writer(tmp_path / "k.arrow", 10**6) as process:
        assert process.stdout is not None
        for _ in range(2):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "k.arrow").exists()
    assert list(tmp_path.glob("*.part"))
    assert len(cached(tmp_path / "k.arrow", lambda: ROWS)) == 2
    assert not list(tmp_path.glob("*.part"))


def test_a_full_disk_leaves_nothing_and_is_said(tmp_path: Path) -> None:
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))\n"
    err = writer(tmp_path / "k.arrow", 3000, full).communicate(timeout=120)[1]
    assert "OutputError" in err
    assert f"{tmp_path}: the encoded rows cannot be kept there (File too large)" in err
    assert "AGENTSWIFT_CACHE" in err
    assert sorted(f.name for f in tmp_path.iterdir()) == ["k.arrow.times", "k.lock"]


@pytest.mark.parametrize("kept", [0, 1, 0.5, 0.999])
def test_a_file_that_is_cut_off_is_made_anew(tmp_path: Path, capfd: pytest.CaptureFixture[str], kept: float) -> None:
    whole = cached(tmp_path / "k.arrow", lambda: ROWS).file.read_bytes()
    (tmp_path / "k.arrow").write_bytes(whole[: int(kept * len(whole)) if kept < 1 else 1])
    assert len(cached(tmp_path / "k.arrow", lambda: ROWS)) == 2
    assert capfd.readouterr().err == f"{tmp_path / 'k.arrow'} is damaged, or of another version: encoding anew\n"
    assert (tmp_path / "k.arrow").read_bytes() == whole


@pytest.mark.parametrize("schema", [SCHEMA.remove(0), SCHEMA.append(pa.field("new", pa.int32()))])
def test_a_file_of_other_columns_is_made_anew(tmp_path: Path, schema: pa.Schema) -> None:
    with pa.OSFile(str(tmp_path / "k.arrow"), "wb") as out, pa.ipc.new_file(out, schema):
        pass
    assert len(cached(tmp_path / "k.arrow", lambda: ROWS)) == 2


def test_lengths_that_are_not_those_of_the_rows_are_damage(tmp_path: Path) -> None:
    row = {**cache._record(ROWS[0]), "length": 7}
    with pa.OSFile(str(tmp_path / "k.arrow"), "wb") as out, pa.ipc.new_file(out, SCHEMA) as sink:
        sink.write_batch(pa.RecordBatch.from_pylist([row], schema=SCHEMA))
    assert cached(tmp_path / "k.arrow", lambda: ROWS).lengths.tolist() == [3, 1]


def test_where_files_cannot_be_locked_rows_are_kept_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(cache, "flock", none)
    (tmp_path / "k.0.part").touch()  # another process's, who knows
    assert len(cached(tmp_path / "k.arrow", lambda: ROWS)) == 2
    assert (tmp_path / "k.0.part").exists()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="AGENTSWIFT_CACHE"):
        cached(tmp_path / "file" / "k.arrow", lambda: ROWS)

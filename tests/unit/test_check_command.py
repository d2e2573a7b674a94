"""`agentswift check`: what it prints, and what its exit status says."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agentswift.schema.runs import ShowOutput
from tests.checked import check, data_of, good, misnamed, written


def test_good_rows_end_well_with_the_next_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "行 1.jsonl", good(1), good(2))
    assert check(file) == 0
    *_, verdict, then = capsys.readouterr().out.splitlines()
    assert verdict.startswith("no row of 2 is refused; warnings: 0.")
    assert then == f"Next: agentswift show 'data.path={file}'"


def test_findings_are_grouped_by_rule_and_the_ledger_adds_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path / "rows.jsonl", good(1), misnamed(2), good(1), misnamed(3), misnamed(4))
    assert check(file, most=2) == 1
    out = capsys.readouterr().out
    assert "error  unknown-tool  3× in 3 rows: a call of a tool that the row does not declare" in out
    assert "  rows.jsonl:2  $.turns[0].steps[0].tool\n      calls 'get_wether'" in out
    assert "Did you mean get_weather?\n      fix: add the tool" in out
    assert "rows.jsonl:4" in out
    assert "rows.jsonl:5" not in out
    assert "… and 1 more: most=3 shows all" in out
    ledger = next(line.split() for line in out.splitlines() if line.split()[:1] == ["rows"] and len(line.split()) > 4)
    assert [word for word in ledger if word.isdigit()] == ["5", "1", "3", "1"]
    assert "3 of 5 rows are refused; warnings: 0." in out
    assert out.rstrip().endswith(f"agentswift train data.path={file} data.max_refused=3")


def test_a_file_that_is_not_read_to_its_end_fails_whatever_its_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.json"
    file.write_text(json.dumps([good(n) for n in range(9)])[:-40], encoding="utf-8")
    allowing = replace(data_of(file), max_refused="50%")
    assert check(file, data=allowing) == 1
    out = capsys.readouterr().out
    assert f"1 of 9 rows are refused; the rest of {file}:1 was not read; warnings: 0." in out
    assert out.rstrip().endswith(" data.max_refused=-1")


def test_warnings_alone_refuse_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = good(1)
    row["messages"][3] = {"role": "assistant", "content": "I am {{NAME}}."}
    assert check(written(tmp_path / "rows.jsonl", row)) == 0
    out = capsys.readouterr().out
    assert "warning  placeholder-left  1× in 1 row: " in out
    assert "warnings: 1." in out


def test_jsonl_prints_one_finding_a_line_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "rows.jsonl", good(1), *(misnamed(n) for n in range(8)))
    assert check(file, ShowOutput.jsonl, most=1) == 1
    printed = capsys.readouterr()
    findings = [json.loads(line) for line in printed.out.splitlines()]
    assert [f["line"] for f in findings] == list(range(2, 10))
    assert list(findings[0]) == ["file", "line", "row", "path", "rule", "severity", "message", "fix"]
    assert "8 of 9 rows are refused" in printed.err


def test_the_command_line_checks_a_file_without_torch(tmp_path: Path) -> None:
    file = written(tmp_path / "数 据.jsonl", good(1), misnamed(2))
    code = (
        "import atexit, sys\n"
        "from agentswift.__main__ import main\n"
        "sys.argv = ['agentswift', 'check', *sys.argv[1:]]\n"
        "heavy = lambda: print('LOADED', *{'torch', 'swift', 'transformers'} & set(sys.modules), file=sys.stderr)\n"
        "atexit.register(heavy)\n"
        "main()"
    )
    words = [sys.executable, "-c", code, f"path={file}", "format=messages", "output=jsonl"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert done.returncode == 1, done.stderr
    assert [json.loads(line)["rule"] for line in done.stdout.splitlines()] == ["unknown-tool"]
    assert done.stderr.endswith("LOADED\n")
    assert "Traceback" not in done.stderr

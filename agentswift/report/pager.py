"""A pager between us and a terminal: rows are read page by page, and made as they are read."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO


@contextmanager
def paged() -> Iterator[IO[str]]:
    """Yield what to write to: a pager where standard output is a terminal that has one, else standard output.

    PAGER names another than `less -R`; empty or `cat`, there is none. Whoever leaves the pager early has seen enough.
    """
    words = _pager() if sys.stdout.isatty() else []
    if not words:
        yield sys.stdout
        return
    # F: what fits on one screen needs no pager. R: colours. X: it stays on the screen afterwards.
    env = {"LESS": "FRX", "LESSCHARSET": "utf-8"} | os.environ
    sys.stdout.flush()
    pager = subprocess.Popen(words, stdin=subprocess.PIPE, text=True, encoding="utf-8", env=env)
    assert pager.stdin is not None
    try:
        yield pager.stdin
        pager.stdin.close()
    except (BrokenPipeError, KeyboardInterrupt):
        pass
    finally:
        _leave(pager)


def _pager() -> list[str]:
    words = shlex.split(os.environ.get("PAGER", "less"))
    return words if words and words[0] != "cat" and shutil.which(words[0]) else []


def _leave(pager: "subprocess.Popen[str]") -> None:
    """Wait until the reader leaves: Ctrl-C, which stops a search in less, reaches us as well."""
    assert pager.stdin is not None
    with suppress(BrokenPipeError):
        pager.stdin.close()
    while True:
        try:
            pager.wait()
            return
        except KeyboardInterrupt:
            continue

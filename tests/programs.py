"""Programs that tests start: their output is read as it comes, and every wait has an end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parent.parent

#: Seconds that a program may take for anything.  Two cores run two tests at a time.
PATIENCE = 30.0


class Program:
    """A running program, ended at the end of the ``with`` block.

    Parameters
    ----------
    *command : str
        Program and arguments.
    env : mapping of str to str, optional
        Variables beside the test's own.
    """

    def __init__(self, *command: str, env: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | dict(env or {}),
        )
        self._text = ""
        self._ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def text(self) -> str:
        """What it has printed so far, on both of its channels."""
        with self._changed:
            return self._text

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until the output has something, and give it."""
        found: list[re.Match[str] | None] = [None]

        def comes() -> bool:
            found[0] = re.search(pattern, self._text, re.MULTILINE)
            return found[0] is not None or self._ended

        with self._changed:
            self._changed.wait_for(comes, PATIENCE)
            if found[0] is None:
                raise AssertionError(f"{pattern!r} did not come, but:\n{self._text}")
            return found[0]

    def wait_until_it_listens(self, port: int) -> None:
        """Wait until a port of this computer is open, for programs that do not say so."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not self._ended:
            try:
                socket.create_connection(("127.0.0.1", port), PATIENCE).close()
            except ConnectionRefusedError:
                with self._changed:
                    self._changed.wait(0.02)  # or until it prints something or ends
            else:
                return
        raise AssertionError(f"Nobody listens on port {port}:\n{self.text}")

    def wait_for_end(self) -> None:
        """Wait until nobody can print anything any more: it has ended, and so has who it began."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._ended, PATIENCE):
                raise AssertionError(f"It does not end:\n{self._text}")

    def send(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; give the exit status."""
        self.send(number)
        try:
            return self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._reader.join(PATIENCE)

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            with self._changed:
                self._text += line
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


def run(
    *command: str, env: Mapping[str, str] | None = None, text: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=2 * PATIENCE,
        env=os.environ | dict(env or {}),
    )


def sample(name: str, *arguments: str | Path) -> list[str]:
    """The command line of a sample."""
    return [sys.executable, str(ROOT / "samples" / name), *map(str, arguments)]

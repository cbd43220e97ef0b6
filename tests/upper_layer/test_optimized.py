"""``python -O`` strips asserts, pynetdicom's too: none of them may be what protects us."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

from . import malformed


def test_malformed_input_ends_the_same_without_asserts() -> None:
    finished = subprocess.run(
        [sys.executable, "-O", "-W", "error", malformed.__file__],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    expected = [*malformed.outcomes()]
    assert finished.stdout.splitlines() == expected
    kinds = Counter("ProtocolError" in line for line in expected)
    assert kinds[True] > 500
    assert kinds[False] > 100

"""N13: mutated associations against a live listener, as they are and under ``python -O``."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from . import mutations
from .nets import Links, Server


@pytest.mark.parametrize("seed", range(4))
def test_every_mutation_is_answered_aborted_or_cut(plain: Links, seed: int) -> None:
    assert mutations.attack(plain, 250, seed) == []


def test_every_mutation_over_tls_too(tls: Links) -> None:
    assert mutations.attack(tls, 100, 11) == []


def test_no_assert_is_what_protects_us() -> None:
    program = str(Path(mutations.__file__))
    command = [sys.executable, "-O", "-W", "error", program, "300", "7"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout.strip(), result.stderr) == (0, "", "")


def test_the_attack_notices_a_fault(plain: Links, monkeypatch) -> None:
    """The check checks: an event that raises is reported, with what led to it."""

    def raising(self, *arguments):
        raise ArithmeticError("on purpose")

    monkeypatch.setattr(Server, "OnReceiveCEchoRequest", raising)
    monkeypatch.setattr(Links, "good_association", lambda *arguments: None)
    (problem, *_) = mutations.attack(plain, 40, 1)
    assert "on purpose" in problem


def test_the_mutations_are_of_many_kinds() -> None:
    chance = random.Random(0)
    echo = mutations.recorded()[0]
    found = {b"".join(mutations.mutated(echo, chance)) for _ in range(200)}
    assert len(found) > 150
    lengths = {len(data) for data in found}
    assert min(lengths) < len(b"".join(echo)) < max(lengths)

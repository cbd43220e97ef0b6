"""The log as a program sets it up, undone after a test."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def log_of_its_own() -> Iterator[None]:
    """Have a program set the log of this process up, and undo that at the end."""
    root, changed = logging.getLogger(), list(map(logging.getLogger, ("leaddicom", "pydicom")))
    handlers, levels = list(root.handlers), [each.level for each in changed]
    root.handlers.clear()
    try:
        with warnings.catch_warnings():
            yield
    finally:
        root.handlers[:] = handlers
        for each, level in zip(changed, levels, strict=True):
            each.setLevel(level)

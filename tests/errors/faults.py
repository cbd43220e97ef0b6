"""A kernel that refuses: networks that are down, and other things that no loopback has.

Linux lets a thread have its own system calls answered with an error (seccomp(2)).  Threads that
it starts inherit that, such as the network thread of an `LDicomNet`; all others go on as before.
"""

from __future__ import annotations

import ctypes
import platform
import struct
import threading
from collections.abc import Callable
from typing import TypeVar

import pytest

Result = TypeVar("Result")

_CALLS = {
    "x86_64": {"socket": 41, "connect": 42},
    "aarch64": {"socket": 198, "connect": 203},
}
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 38, 22
_SECCOMP_MODE_FILTER = 2
_RETURN_ERRNO, _RETURN_ALLOW = 0x0005_0000, 0x7FFF_0000
_LOAD_NUMBER, _JUMP_UNLESS_EQUAL, _RETURN = 0x20, 0x15, 0x06


def while_failing(call: str, error: int, action: Callable[[], Result]) -> Result:
    """Do something on a thread for which the system call `call` fails with `error`."""
    number = _CALLS.get(platform.machine(), {}).get(call)
    if platform.system() != "Linux" or number is None:
        pytest.skip(f"seccomp filters are known here for Linux on {', '.join(_CALLS)} only")
    results: list[Result] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            _refuse(number, error)
            results.append(action())
        except BaseException as failure:  # noqa: BLE001 - raised where the result is awaited
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def _refuse(number: int, error: int) -> None:
    """Have the kernel answer a system call of this thread with an error, for good."""
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (_LOAD_NUMBER, 0, 0, 0),
            (_JUMP_UNLESS_EQUAL, 0, 1, number),
            (_RETURN, 0, 0, _RETURN_ERRNO | error),
            (_RETURN, 0, 0, _RETURN_ALLOW),
        )
    )
    buffer = ctypes.create_string_buffer(program, len(program))
    filter_ = struct.pack("HxxxxxxQ", 4, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, filter_, 0, 0),
    ):
        if libc.prctl(*arguments):
            pytest.skip(f"seccomp filters are not allowed here (errno {ctypes.get_errno()})")

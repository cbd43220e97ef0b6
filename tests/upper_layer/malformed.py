"""What becomes of malformed input, without a single assert: it runs under ``python -O`` too.

As a script it prints a line for each input.
"""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import pack

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from leaddicom.dimse.command import decode_command, encode_command
from leaddicom.dimse.reassembly import MessageAssembler
from leaddicom.errors import ProtocolError
from leaddicom.limits import Limits
from leaddicom.upper_layer.association import decode_associate
from leaddicom.upper_layer.pdu import PduReader
from leaddicom.upper_layer.state_machine import State
from upper_layer import associate_pdus
from upper_layer.cores import PLACES, core_in, p_data

LIMITS = Limits(command_set_length=200, data_set_length=1000)
COMMAND = encode_command({0x0002: "1.2", 0x0100: 1, 0x0110: 7, 0x0800: 1, 0x1000: "1.2.3"})


def damaged(data: bytes, count: int) -> Iterator[bytes]:
    chance = random.Random(len(data))
    for _ in range(count):
        result = bytearray(data)
        position = chance.randrange(len(result))
        result[position : position + chance.randrange(3)] = chance.randbytes(chance.randrange(4))
        yield bytes(result)


def _decode_associate(data: bytes) -> object:
    # The length of the PDU is made right, so that the damage is seen by what lies behind.
    return decode_associate(data[:2] + pack(">L", max(0, len(data) - 6)) + data[6:], LIMITS)


def _read(data: bytes) -> object:
    return [type(event).__name__ for event in PduReader(LIMITS).feed(memoryview(data))]


def _assemble(data: bytes) -> object:
    assembler = MessageAssembler({1: "1.2.840.10008.1.2"}, LIMITS, None)
    control = data[0]
    return assembler.feed(data[1] & 3, control, memoryview(data[2:]), True)


def _play(data: bytes) -> object:
    seen = []
    for state, role in PLACES:
        core = core_in(state, role)
        told = [type(it).__name__ for it in core.receive_data(memoryview(data))]
        if core.state not in State:
            raise RuntimeError(f"{core.state!r} is no state")
        seen.append((told, core.state.name, core.data_to_send().hex(), core.close_transport))
    return seen


SUBJECTS: list[tuple[str, Callable[[bytes], object], bytes, int]] = [
    ("A-ASSOCIATE-RQ", _decode_associate, associate_pdus.request(), 400),
    ("A-ASSOCIATE-AC", _decode_associate, associate_pdus.accept(), 400),
    *(("good item", _decode_associate, associate_pdus.pdu(item), 20)
      for item in associate_pdus.GOOD.values()),
    ("PDU", _read, p_data(b"one", b"two", b""), 300),
    ("command set", decode_command, COMMAND, 400),
    ("fragment", _assemble, b"\3\1" + COMMAND, 300),
    ("stream", _play, associate_pdus.request() + p_data(b"one"), 40),
]  # fmt: skip


def outcomes() -> Iterator[str]:
    """One line for each input: what it was, and how it ended."""
    for name, subject, data, count in SUBJECTS:
        for variant in (data, *damaged(data, count)):
            try:
                outcome = f"gives {subject(variant)!r}"
            except ProtocolError as error:
                outcome = f"ProtocolError {error.reason} {error.code}: {error}"
            yield f"{name} {variant.hex()} {outcome}"


def main() -> None:
    """Print the outcomes; fail unless Python runs without asserts."""
    if __debug__:
        raise SystemExit("Run it as python -O: asserts are still there.")
    warnings.simplefilter("error")
    sys.stdout.writelines(f"{line}\n" for line in outcomes())


if __name__ == "__main__":
    main()

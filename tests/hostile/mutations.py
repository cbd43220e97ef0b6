"""Recorded associations, mutated, against a live listener; a program too, for ``python -O``.

Whatever comes, it is answered, aborted or cut; what the listener says is whole PDUs; it never
logs a fault of its own; and the next good association works.
"""

from __future__ import annotations

import contextlib
import logging
import random
import struct
import sys
from pathlib import Path

if __name__ == "__main__":  # under -O, outside of pytest
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hostile.nets import Links, Server, patient
from leaddicom import DICOM_SECURE_NONE
from leaddicom.dimse.command import encode_command
from leaddicom.dimse.composition import compose
from leaddicom.dimse.messages import C_ECHO_RQ, C_FIND_RQ, C_STORE_RQ, N_GET_RQ
from leaddicom.enums import PduType
from leaddicom.testing.bugs import SOP_CLASS, SOP_INSTANCE, VERIFICATION, BuggyScu
from leaddicom.testing.certificates import ThrowAwayPki
from leaddicom.testing.peers import ConnectionOver, Wire
from leaddicom.upper_layer.association import encode_associate
from leaddicom.upper_layer.pdu import encode_abort, encode_release_request

EXTREMES = [
    struct.pack(">L", n) for n in (0, 1, 2, 5, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF)
]


def pdv(control: int, value: bytes, context: int = 1) -> bytes:
    length = len(value) + 2
    return struct.pack(">BBLLBB", 4, 0, length + 4, length, context, control) + value


def recorded() -> list[list[bytes]]:
    """Give whole associations as lists of PDUs."""
    request, release = encode_associate(BuggyScu().request()), encode_release_request()
    identifier = b"\x10\0\x20\0LO\0\0\x10\0\x10\0PN\2\0A^"
    instance = b"\x08\0\x18\0UI\4\x001.2\0\xe0\x7f\x10\0OB\0\0\x10\0\0\0" + bytes(16)

    def command(message_type, *arguments, data_set=False, context=1):
        return pdv(3, encode_command(compose(message_type, arguments, data_set)), context)

    echo = command(C_ECHO_RQ, 1, VERIFICATION, context=3)
    store = command(C_STORE_RQ, 2, SOP_CLASS, SOP_INSTANCE, 0, "", None, data_set=True)
    find = command(C_FIND_RQ, 3, SOP_CLASS, 0, data_set=True)
    get = command(N_GET_RQ, 4, SOP_CLASS, SOP_INSTANCE, (0x00100010, 0x00100020))
    return [
        [request, echo, release],
        [request, store, pdv(0, instance[:20]), pdv(2, instance[20:]), release],
        [request, find, pdv(2, identifier), release],
        [request, get, echo, encode_abort(0, 0)],
    ]


def mutated(pdus: list[bytes], chance: random.Random) -> tuple[bytes, bytes]:
    """Spoil an association in one to three ways.

    Returns
    -------
    tuple of bytes and bytes
        The A-ASSOCIATE-RQ, empty if it is spoilt, and everything else.
    """
    original, pdus = pdus[0], list(pdus)
    for _ in range(chance.choice((1, 1, 2, 3))):
        index = chance.choice((0, *range(1, len(pdus)), *range(1, len(pdus))))
        pdu = bytearray(pdus[index])
        at = chance.randrange(max(len(pdu), 1))
        kind = chance.randrange(8)
        if kind == 0:
            pdu[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            pdu[at : at + 4] = chance.choice(EXTREMES)
        elif kind == 2:
            del pdu[at : at + chance.randrange(1, 9)]
        elif kind == 3:
            pdu[at:at] = chance.randbytes(chance.randrange(1, 9))
        elif kind == 4:
            pdu += pdu[6:]
        elif kind == 5:
            pdu[at : at + 2] = struct.pack(">H", chance.choice((0, 1, 0x50, 0xFFFF)))
        elif kind == 6:
            pdus.insert(index, bytes(pdus[chance.randrange(len(pdus))]))
            continue
        else:
            pdu = pdu[:at]
        pdus[index] = bytes(pdu)
    if pdus[0] == original:
        return pdus[0], b"".join(pdus[1:])
    return b"", b"".join(pdus)


def whole_pdus(data: bytes) -> list[int] | None:
    """Give the types of the PDUs in `data`; `None` if it is no row of whole PDUs."""
    types = []
    while data:
        if len(data) < 6 or not 1 <= data[0] <= 7:
            return None
        end = 6 + int.from_bytes(data[2:6], "big")
        if len(data) < end:
            return None
        types.append(data[0])
        data = data[end:]
    return types


class Faults(logging.Handler):
    """Keeps what the package logs at ERROR or above."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(self.format(record))


def attack(links: Links, number: int, seed: int) -> list[str]:
    """Send mutated associations to a new server; give what went wrong, with the bytes."""
    chance, problems, faults = random.Random(seed), [], Faults()
    logging.getLogger("leaddicom").addHandler(faults)
    # One in twenty stays connected and says nothing more, until one of these comes up.
    short = dict.fromkeys(("artim_timeout", "pdu_timeout", "idle_timeout"), 0.15)
    server: Server = links.server(patient(**short))
    associations = recorded()
    for _ in range(number):
        request, data = mutated(chance.choice(associations), chance)
        wire = Wire.connect(server.GetHostInfo(), links.peer_tls(server=False))
        wire.secure()
        with contextlib.suppress(ConnectionOver):  # cut before all of it was out
            if request:
                wire.send(request)
                wire.expect(PduType.ASSOCIATE_ACCEPT)
            wire.send(data)
            if chance.random() > 0.05:
                wire.half_close()
        said = wire.raw_to_end()
        wire.close()
        server.end()
        if whole_pdus(said) is None:
            problems.append(f"answered {said.hex()} to {data.hex()}")
        if faults.found:
            problems.append(f"{faults.found} at {data.hex()}")
            faults.found.clear()
        while not server.associated.empty():
            server.associated.get_nowait()
    links.good_association(server)
    server.Close()
    logging.getLogger("leaddicom").removeHandler(faults)
    return problems


if __name__ == "__main__":
    logging.getLogger("leaddicom").addHandler(logging.NullHandler())
    with ThrowAwayPki() as pki:
        plain = Links(DICOM_SECURE_NONE, pki, pki.root, pki.root)
        found = attack(plain, int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write("\n".join(found))
    sys.exit(1 if found else 0)

"""A-ASSOCIATE PDUs put together by hand, right ones and wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from struct import pack

import pytest

from leaddicom.errors import ProtocolError
from leaddicom.limits import Limits
from leaddicom.upper_layer.association import decode_associate

LIMITS = Limits()

APPLICATION = b"1.2.840.10008.3.1.1.1"
VERIFICATION = b"1.2.840.10008.1.1"
CT_STORAGE = b"1.2.840.10008.5.1.4.1.1.2"
IMPLICIT = b"1.2.840.10008.1.2"
EXPLICIT = b"1.2.840.10008.1.2.1"


def item(item_type: int, *values: bytes) -> bytes:
    value = b"".join(values)
    return pack(">BxH", item_type, len(value)) + value


def counted(value: bytes) -> bytes:
    return pack(">H", len(value)) + value


def offer(context_id: int = 1, *subitems: bytes) -> bytes:
    return item(
        0x20, bytes((context_id, 0, 0, 0)), *(subitems or (item(0x30, VERIFICATION), SYNTAX))
    )


def answer(context_id: int = 1, result: int = 0, *subitems: bytes) -> bytes:
    return item(0x21, bytes((context_id, 0, result, 0)), *subitems)


SYNTAX = item(0x40, IMPLICIT)
APPLICATION_ITEM = item(0x10, APPLICATION)
MAXIMUM = item(0x51, pack(">L", 16384))
USER = item(0x50, MAXIMUM, item(0x52, b"1.2.3"))


def pdu(
    *items: bytes,
    pdu_type: int = 1,
    called: bytes = b"SCP",
    calling: bytes = b"SCU",
    version: int = 1,
) -> bytes:
    body = pack(">H2x16s16s32x", version, called.ljust(16), calling.ljust(16)) + b"".join(items)
    return pack(">BxL", pdu_type, len(body)) + body


def request(*user_items: bytes, contexts: bytes = b"") -> bytes:
    return pdu(APPLICATION_ITEM, contexts or offer(), item(0x50, MAXIMUM, *user_items))


def accept(*contexts: bytes, called: bytes = b"SCP", calling: bytes = b"SCU") -> bytes:
    return pdu(
        APPLICATION_ITEM,
        *(contexts or (answer(1, 0, SYNTAX),)),
        USER,
        pdu_type=2,
        called=called,
        calling=calling,
    )


def refused(data: bytes, reason: int, limits: Limits = LIMITS) -> str:
    with pytest.raises(ProtocolError) as caught:
        decode_associate(data, limits)
    assert caught.value.reason == reason, caught.value
    return str(caught.value)


GOOD = {
    "application context": APPLICATION_ITEM,
    "presentation context": offer(),
    "user information": USER,
    "accepted context": answer(1, 0, SYNTAX),
    "abstract syntax": item(0x30, VERIFICATION),
    "transfer syntax": SYNTAX,
    "accepted transfer syntax": SYNTAX,
    "maximum length": MAXIMUM,
    "implementation class UID": item(0x52, b"1.2.3"),
    "asynchronous operations": item(0x53, bytes(4)),
    "role selection": item(0x54, counted(CT_STORAGE), b"\1\1"),
    "implementation version name": item(0x55, b"VERSION"),
    "extended negotiation": item(0x56, counted(CT_STORAGE), b"\1"),
    "common extended negotiation": item(0x57, counted(CT_STORAGE), counted(b"1"), counted(b"")),
    "user identity": item(0x58, b"\1\0", counted(b"user"), counted(b"")),
    "user identity response": item(0x59, counted(b"token")),
    "unknown user item": item(0x7F, b"?"),
    "unknown item": item(0x7F, b"?"),
    "unknown context sub-item": item(0x7F, b"?"),
}
BAD_UIDS = {
    "control": b"1.2\n.3",
    "8-bit": b"1.2.\xb9",
    "NUL inside": b"1.2\0.3",
    "letters": b"1.2.x",
    "65 characters": b"1." + b"2" * 63,
    "very long": b"1." * 16000 + b"1",
    "leading zero": b"1.02",
    "empty component": b"1..2",
    "padding only": b"\0",
}
UID_FIELDS: dict[str, Callable[[bytes], bytes]] = {
    "application context": lambda uid: pdu(item(0x10, uid), offer(), USER),
    "abstract syntax": lambda uid: request(contexts=offer(1, item(0x30, uid), SYNTAX)),
    "transfer syntax": lambda uid: request(
        contexts=offer(1, item(0x30, VERIFICATION), item(0x40, uid))
    ),
    "accepted transfer syntax": lambda uid: accept(answer(1, 0, item(0x40, uid))),
    "role selection": lambda uid: request(item(0x54, counted(uid), b"\1\1")),
    "extended negotiation": lambda uid: request(item(0x56, counted(uid))),
}

"""A ClientHello that asks for exactly what we want to know, and what servers answer to it.

OpenSSL cannot ask for what it does not have itself, and pyOpenSSL cannot choose groups.  The first
message of TLS needs no cryptography, and a server's answer to it names version, suite and group
(RFC 8446 section 4.1, RFC 5246 section 7.4).  TLS 1.3 is offered without a key share, so that the
answer is a HelloRetryRequest (RFC 8446 section 4.2.8).
"""

from __future__ import annotations

import secrets
import struct
from dataclasses import dataclass, field, replace
from enum import Enum

from leaddicom.doctor.catalog import GROUPS, TLS10, TLS12, TLS13, suite_name

__all__ = ["GOODBYE", "LONGEST_ANSWER", "Answer", "AnswerKind", "Hello", "read_answer"]

#: user_canceled and close_notify (RFC 8446 section 6.1): how one leaves in the middle.
GOODBYE = b"\x15\x03\x03\x00\x02\x01\x5a\x15\x03\x03\x00\x02\x01\x00"

#: Bytes of an answer that are read.  Certificates stand before what TLS 1.2 says last.
LONGEST_ANSWER = 1 << 17

_LONGEST_RECORD = (1 << 14) + 2048
_DEFLATE = b"\x01\x00"

# Extensions (IANA's TLS ExtensionType Values).
_SERVER_NAME, _GROUPS, _POINT_FORMATS, _SIGNATURES, _ALPN = 0, 10, 11, 13, 16
_VERSIONS, _PSK_MODES, _KEY_SHARE = 43, 45, 51
EXTENDED_MASTER_SECRET, RENEGOTIATION_INFO = 23, 0xFF01

# Signature algorithms, the weak ones last: a server that has nothing better shall answer, too.
_SIGNATURE_ALGORITHMS = (
    *(0x0403, 0x0503, 0x0603, 0x0807, 0x0808),  # ECDSA, EdDSA
    *(0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B),  # RSA-PSS
    *(0x0401, 0x0501, 0x0601, 0x0201, 0x0203),  # PKCS#1 v1.5, SHA-1
)

_ALERT, _HANDSHAKE = 0x15, 0x16
_SERVER_HELLO, _SERVER_KEY_EXCHANGE, _SERVER_HELLO_DONE = 2, 12, 14
_NAMED_CURVE = 3


@dataclass(frozen=True, slots=True)
class Hello:
    """What a ClientHello offers.

    Attributes
    ----------
    versions : tuple of int
        TLS versions, the highest first.
    suites : tuple of int
        Cipher suites by their IANA numbers, in order of preference.
    groups : tuple of int
        Groups, in order of preference.
    server_name : str or None
        The name to ask for (SNI).
    """

    versions: tuple[int, ...]
    suites: tuple[int, ...]
    groups: tuple[int, ...] = tuple(GROUPS)
    server_name: str | None = None

    def encode(self) -> bytes:
        """Give the record that is sent."""
        has_tls13 = TLS13 in self.versions
        body = struct.pack(">H", min(max(self.versions), TLS12)) + secrets.token_bytes(32)
        # A session id makes TLS 1.3 look like 1.2 to devices between (RFC 8446 appendix D.4).
        body += _vector(1, secrets.token_bytes(32) if has_tls13 else b"")
        body += _vector(2, _numbers(self.suites))
        body += _vector(1, b"\0" if has_tls13 else _DEFLATE)
        body += _vector(2, b"".join(self._extensions(has_tls13)))
        message = b"\x01" + _vector(3, body)
        return b"\x16" + struct.pack(">H", TLS10) + _vector(2, message)

    def _extensions(self, has_tls13: bool) -> list[bytes]:
        found = [
            _extension(_GROUPS, _vector(2, _numbers(self.groups))),
            _extension(_POINT_FORMATS, _vector(1, b"\0")),
            _extension(_SIGNATURES, _vector(2, _numbers(_SIGNATURE_ALGORITHMS))),
            _extension(_ALPN, _vector(2, _vector(1, b"dicom"))),
            _extension(EXTENDED_MASTER_SECRET, b""),
            _extension(RENEGOTIATION_INFO, _vector(1, b"")),
        ]
        if self.server_name is not None:
            name = b"\0" + _vector(2, self.server_name.encode("ascii"))
            found.insert(0, _extension(_SERVER_NAME, _vector(2, name)))
        if has_tls13:
            found += [
                _extension(_VERSIONS, _vector(1, _numbers(self.versions))),
                _extension(_PSK_MODES, _vector(1, b"\x01")),
                _extension(_KEY_SHARE, _vector(2, b"")),
            ]
        return found


class AnswerKind(Enum):
    """What came back."""

    HELLO = "a ServerHello"
    ALERT = "a TLS alert"
    FOREIGN = "something that is not TLS"
    CLOSED = "the end of the connection"
    SILENT = "nothing"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said to a ClientHello.

    Attributes
    ----------
    kind : AnswerKind
        What it is.
    version, suite, group : int or None
        What the server has chosen.
    dh_bits : int or None
        Length of the prime of a DHE suite.
    compression : bool
        Whether it has chosen to compress.
    extensions : frozenset of int
        Those of the ServerHello.
    alert : int or None
        The alert's number.
    first_bytes : bytes
        How the answer begins.
    """

    kind: AnswerKind
    version: int | None = None
    suite: int | None = None
    group: int | None = None
    dh_bits: int | None = None
    compression: bool = False
    extensions: frozenset[int] = field(default_factory=frozenset)
    alert: int | None = None
    first_bytes: bytes = b""


def read_answer(data: bytes, *, is_all: bool = False) -> Answer | None:
    """Read the beginning of what a server has sent.

    Parameters
    ----------
    data : bytes
        All that came so far.
    is_all : bool
        Whether no more will come.

    Returns
    -------
    Answer or None
        `None` if more is needed to tell.
    """
    first = data[:16]
    if data and (data[0] not in (_ALERT, _HANDSHAKE) or data[1:2] not in (b"", b"\x03")):
        return Answer(AnswerKind.FOREIGN, first_bytes=first)
    try:
        answer, is_complete = _read_records(data)
    except (struct.error, IndexError, ValueError):
        return Answer(AnswerKind.FOREIGN, first_bytes=first)
    if answer is not None and (is_complete or is_all):
        return replace(answer, first_bytes=first)
    return Answer(AnswerKind.CLOSED, first_bytes=first) if is_all else None


def _read_records(data: bytes) -> tuple[Answer | None, bool]:
    """Give what can be told so far, and whether the rest can only repeat it."""
    messages = b""
    while len(data) >= 5:
        kind, length = data[0], int.from_bytes(data[3:5], "big")
        if length > _LONGEST_RECORD:
            raise ValueError("a record is too long")
        fragment = data[5 : 5 + length]
        if len(fragment) < length:
            break
        if kind == _ALERT and not messages:
            return Answer(AnswerKind.ALERT, alert=fragment[1]), True
        if kind != _HANDSHAKE:
            return _read_messages(messages)[0], True
        messages += fragment
        data = data[5 + length :]
    return _read_messages(messages)


def _read_messages(messages: bytes) -> tuple[Answer | None, bool]:
    answer = None
    while len(messages) >= 4:
        kind, length = messages[0], int.from_bytes(messages[1:4], "big")
        body = messages[4 : 4 + length]
        if len(body) < length:
            break
        messages = messages[4 + length :]
        if answer is None:
            if kind != _SERVER_HELLO:
                raise ValueError("the first message is no ServerHello")
            answer = _server_hello(body)
            if answer.version == TLS13:
                return answer, True
        elif kind == _SERVER_KEY_EXCHANGE:
            return _key_exchange(answer, body), True
        elif kind == _SERVER_HELLO_DONE:
            return answer, True
    return answer, False


def _server_hello(body: bytes) -> Answer:
    version, session_length = struct.unpack_from(">H32xB", body)
    rest = body[35 + session_length :]
    suite, compression = struct.unpack_from(">HB", rest)
    extensions = _read_extensions(rest[3:])
    group = None
    if (chosen := extensions.get(_VERSIONS)) is not None:
        (version,) = struct.unpack(">H", chosen)
    if (share := extensions.get(_KEY_SHARE)) is not None:
        (group,) = struct.unpack_from(">H", share)
    return Answer(
        AnswerKind.HELLO,
        version=version,
        suite=suite,
        group=group,
        compression=bool(compression),
        extensions=frozenset(extensions),
    )


def _read_extensions(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    data = data[2:]  # their length altogether
    while data:
        number, length = struct.unpack_from(">HH", data)
        found[number] = data[4 : 4 + length]
        data = data[4 + length :]
    return found


def _key_exchange(answer: Answer, body: bytes) -> Answer:
    name = suite_name(answer.suite or 0)
    if name.startswith("TLS_ECDHE_") and body[0] == _NAMED_CURVE:
        return replace(answer, group=struct.unpack_from(">H", body, 1)[0])
    if name.startswith("TLS_DHE_"):
        length = int.from_bytes(body[:2], "big")
        return replace(answer, dh_bits=int.from_bytes(body[2 : 2 + length], "big").bit_length())
    return answer


def _vector(octets: int, data: bytes) -> bytes:
    return len(data).to_bytes(octets, "big") + data


def _numbers(values: tuple[int, ...]) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


def _extension(number: int, data: bytes) -> bytes:
    return struct.pack(">H", number) + _vector(2, data)

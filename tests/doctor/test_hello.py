"""ClientHellos that real TLS stacks understand, and what is read from any answer."""

from __future__ import annotations

import contextlib
import ssl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from leaddicom.doctor.catalog import (
    GROUPS,
    LIVE_TLS12,
    LIVE_TLS13,
    TLS10,
    TLS11,
    TLS12,
    TLS13,
    SuiteKind,
    suite_name,
)
from leaddicom.doctor.hello import (
    EXTENDED_MASTER_SECRET,
    LONGEST_ANSWER,
    RENEGOTIATION_INFO,
    Answer,
    AnswerKind,
    Hello,
    read_answer,
)
from leaddicom.doctor.scan import EVERYTHING
from leaddicom.testing.certificates import IssuedCertificate, ThrowAwayPki
from leaddicom.tls.dhe import set_dhe_group


@pytest.fixture(scope="module")
def rsa(pki: ThrowAwayPki) -> IssuedCertificate:
    return pki.issue("hello", key="rsa")


def context(issued: IssuedCertificate, ciphers: bytes = b"ALL:@SECLEVEL=0") -> SSL.Context:
    """A server of OpenSSL that takes whatever it can."""
    made = SSL.Context(SSL.TLS_SERVER_METHOD)
    made.set_min_proto_version(SSL.TLS1_VERSION)
    made.set_cipher_list(ciphers)
    made.use_certificate(issued.certificate)
    made.use_privatekey(issued.private_key)
    return made


def answer_of(server: SSL.Context, hello: bytes) -> bytes:
    """All that a server says to a hello."""
    connection = SSL.Connection(server, None)
    connection.set_accept_state()
    connection.bio_write(hello)
    with contextlib.suppress(SSL.Error):
        connection.do_handshake()
    return connection.bio_read(LONGEST_ANSWER)


def read(data: bytes) -> Answer:
    answer = read_answer(data)
    assert answer is not None
    return answer


class TestOpenSsl:
    def test_of_everything_it_takes_the_highest_version(self, rsa: IssuedCertificate) -> None:
        answer = read(answer_of(context(rsa), EVERYTHING.encode()))
        assert (answer.kind, answer.version) == (AnswerKind.HELLO, TLS13)
        assert answer.suite in LIVE_TLS13
        assert answer.group in GROUPS

    @pytest.mark.parametrize("suite", LIVE_TLS13[:3])
    def test_tls_13_with_one_suite(self, rsa: IssuedCertificate, suite: int) -> None:
        answer = read(answer_of(context(rsa), Hello((TLS13,), (suite,)).encode()))
        assert (answer.version, answer.suite) == (TLS13, suite)

    @pytest.mark.parametrize("group", [0x001D, 0x0017, 0x0018, 0x0019, 0x11EC])
    def test_tls_13_names_the_group(self, rsa: IssuedCertificate, group: int) -> None:
        hello = Hello((TLS13,), LIVE_TLS13, (group,))
        assert read(answer_of(context(rsa), hello.encode())).group == group

    @pytest.mark.parametrize("group", [0x001D, 0x0017, 0x0018])
    def test_tls_12_names_the_group_of_ecdhe(self, rsa: IssuedCertificate, group: int) -> None:
        answer = read(
            answer_of(context(rsa), Hello((TLS12,), LIVE_TLS12, (group,), "localhost").encode())
        )
        assert (answer.version, answer.group, answer.dh_bits) == (TLS12, group, None)
        assert suite_name(answer.suite or 0).startswith("TLS_ECDHE_RSA_")
        assert {EXTENDED_MASTER_SECRET, RENEGOTIATION_INFO} <= answer.extensions
        assert not answer.compression

    def test_tls_12_tells_the_length_of_the_prime_of_dhe(self, rsa: IssuedCertificate) -> None:
        named = Hello((TLS12,), SuiteKind.DHE.codes, (0x0101,))
        assert read(answer_of(context(rsa), named.encode())).dh_bits == 3072  # RFC 7919
        server = context(rsa)
        set_dhe_group(server)
        answer = read(answer_of(server, Hello((TLS12,), SuiteKind.DHE.codes, (0x17,)).encode()))
        assert (answer.dh_bits, answer.group) == (2048, None)

    @pytest.mark.parametrize("version", [TLS11, TLS10])
    def test_old_versions_can_be_asked_for(self, rsa: IssuedCertificate, version: int) -> None:
        hello = Hello((version,), (*SuiteKind.CBC.codes, *SuiteKind.STATIC_RSA.codes))
        assert read(answer_of(context(rsa), hello.encode())).version == version

    def test_static_rsa_has_no_key_exchange_message(self, rsa: IssuedCertificate) -> None:
        hello = Hello((TLS12,), SuiteKind.STATIC_RSA.codes)
        answer = read(answer_of(context(rsa), hello.encode()))
        assert suite_name(answer.suite or 0).startswith("TLS_RSA_")
        assert (answer.group, answer.dh_bits) == (None, None)

    def test_a_refusal_is_an_alert(self, rsa: IssuedCertificate) -> None:
        server = context(rsa, b"ECDHE-RSA-AES128-GCM-SHA256")
        answer = read(answer_of(server, Hello((TLS12,), SuiteKind.CBC.codes).encode()))
        assert (answer.kind, answer.alert) == (AnswerKind.ALERT, 40)

    def test_the_name_arrives(self, rsa: IssuedCertificate) -> None:
        names = []
        server = context(rsa)
        server.set_tlsext_servername_callback(lambda each: names.append(each.get_servername()))
        answer_of(server, Hello((TLS13,), LIVE_TLS13, server_name="pacs.example").encode())
        assert names == [b"pacs.example"]

    def test_an_answer_can_be_read_as_it_comes(self, rsa: IssuedCertificate) -> None:
        data = answer_of(context(rsa), Hello((TLS12,), LIVE_TLS12).encode())
        whole = read(data)
        first = next(end for end in range(len(data)) if read_answer(data[:end]) is not None)
        assert all(read_answer(data[:end]) == whole for end in range(first, len(data)))
        # A message may come in records of any size (RFC 8446 section 5.1).
        body = data[5:]
        pieces = [body[at : at + 7] for at in range(0, len(body), 7)]
        if data[1:3] == b"\x03\x03" and len(body) == int.from_bytes(data[3:5], "big"):
            split = b"".join(b"\x16\x03\x03" + len(p).to_bytes(2, "big") + p for p in pieces)
            again = read(split)
            assert (again.suite, again.group) == (whole.suite, whole.group)

    def test_pythons_ssl_understands_it(self, rsa: IssuedCertificate) -> None:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(rsa.certificate_file, rsa.key_file)
        server.set_alpn_protocols(["dicom"])
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        incoming.write(EVERYTHING.encode())
        stream = server.wrap_bio(incoming, outgoing, server_side=True)
        with pytest.raises(ssl.SSLWantReadError):
            stream.do_handshake()
        assert read(outgoing.read()).version == TLS13


class TestReading:
    @pytest.mark.parametrize(
        "data", [b"HTTP/1.1 400 Bad", b"SSH-2.0-x", b"\x07\x00\x00\x00", b"\x16\x16", b"\x15\x00"]
    )
    def test_what_is_not_tls_is_known_by_its_first_bytes(self, data: bytes) -> None:
        assert read(data) == Answer(AnswerKind.FOREIGN, first_bytes=data[:16])

    def test_nothing_is_the_end(self) -> None:
        assert read_answer(b"") is None
        assert read_answer(b"", is_all=True) == Answer(AnswerKind.CLOSED)

    def test_half_a_record_is_the_end(self) -> None:
        assert read_answer(b"\x16\x03\x03\x00") is None
        ended = read_answer(b"\x16\x03\x03\x00", is_all=True)
        assert ended is not None
        assert ended.kind is AnswerKind.CLOSED

    @pytest.mark.parametrize(
        "data",
        [
            b"\x16\x03\x03\xff\xff",  # too long a record
            b"\x15\x03\x03\x00\x00",  # an alert without contents
            b"\x16\x03\x03\x00\x04\x0b\x00\x00\x00",  # another message first
            b"\x16\x03\x03\x00\x06\x02\x00\x00\x02\x03\x03",  # a ServerHello cut short
        ],
    )
    def test_what_is_damaged_is_not_tls(self, data: bytes) -> None:
        assert read(data).kind is AnswerKind.FOREIGN

    def test_compression_is_seen(self) -> None:
        body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x2f" + b"\x01"
        message = b"\x02" + len(body).to_bytes(3, "big") + body + b"\x0e\x00\x00\x00"
        answer = read(b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message)
        assert answer.compression
        assert answer.extensions == frozenset()

    def test_a_record_of_another_kind_ends_the_answer(self) -> None:
        body = b"\x03\x03" + bytes(32) + b"\x00" + b"\xc0\x2f" + b"\x00"
        message = b"\x02" + len(body).to_bytes(3, "big") + body
        record = b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message
        assert read_answer(record) is None
        assert read(record + b"\x14\x03\x03\x00\x01\x01").suite == 0xC02F

    def test_a_group_without_a_name_is_none(self) -> None:
        body = b"\x03\x03" + bytes(32) + b"\x00" + b"\xc0\x2f" + b"\x00"
        message = b"\x02" + len(body).to_bytes(3, "big") + body + b"\x0c\x00\x00\x02\x01\x00"
        answer = read(b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message)
        assert (answer.suite, answer.group) == (0xC02F, None)

    @settings(deadline=None)
    @given(st.binary(max_size=200), st.booleans())
    def test_no_bytes_raise(self, data: bytes, is_all: bool) -> None:
        for start in (b"", b"\x16\x03\x03", b"\x16\x03\x03\x00\x60\x02\x00\x00\x5c\x03\x03"):
            answer = read_answer(start + data, is_all=is_all)
            assert answer is not None or not is_all

"""From what OpenSSL, the peer and the socket tell to one error."""

from __future__ import annotations

import errno

import pytest
from OpenSSL import SSL

from leaddicom.errors import DicomErrorCode as Code
from leaddicom.errors import NetworkError, TlsError
from leaddicom.tls import (
    Role,
    Verification,
    foreign_protocol,
    handshake_failure,
    tls_on_plain_port,
    transfer_failure,
)
from leaddicom.tls.alerts import ALERTS, alert_by_number

from .pairs import connect, end_of

PEER = "192.0.2.7:50123"


def queue(*reasons):
    return SSL.Error([("SSL routines", "", reason) for reason in reasons])


def handshake(error, role=Role.SERVER, record=None, first_bytes=b"", peer=PEER):
    failure = handshake_failure(
        error, role=role, peer=peer, verification=record, first_bytes=first_bytes
    )
    assert failure.stage == "handshake"
    assert "\n" not in failure.message
    return failure


def transfer(error, role=Role.CLIENT, record=None, **options):
    return transfer_failure(error, role=role, peer=PEER, verification=record, **options)


# ---------------------------------------------------------------------------- alerts

LEADTOOLS_ALERTS = dict(
    zip(
        [
            0,
            10,
            20,
            21,
            22,
            30,
            40,
            42,
            43,
            44,
            45,
            46,
            47,
            48,
            49,
            50,
            51,
            60,
            70,
            71,
            80,
            90,
            100,
        ],
        [*range(128, 151)],
        strict=True,
    )
)


@pytest.mark.parametrize("number", LEADTOOLS_ALERTS)
def test_alerts_have_leadtools_codes(number):
    assert alert_by_number(number).code == LEADTOOLS_ALERTS[number]


@pytest.mark.parametrize("number", ALERTS)
def test_a_received_alert_is_named(number):
    alert = ALERTS[number]
    failure = handshake(queue("some prose"), Role.CLIENT, Verification(alert_received=number))
    assert failure.code == alert.code
    assert failure.alert == number
    assert f"TLS handshake with the server {PEER} failed: {alert.meaning}" in failure.message
    assert f"(alert {number} {alert.name})" in failure.message
    assert failure.message.endswith(alert.advice)
    assert ("We showed no certificate" in failure.message) is alert.about_certificate


@pytest.mark.parametrize(("number", "code"), [(116, 134), (112, 134), (120, 134), (109, 140)])
def test_alerts_younger_than_leadtools_table_have_the_nearest_code(number, code):
    assert alert_by_number(number).code == code


def test_an_alert_without_a_name():
    failure = handshake(queue("x"), record=Verification(alert_received=200))
    assert failure.code == Code.TLS
    assert "alert 200" in failure.message


def test_our_certificate_is_described(world):
    record = Verification(own_certificate=world.client.certificate, alert_received=48)
    failure = handshake(queue("x"), Role.CLIENT, record)
    assert failure.certificate.startswith("subject CN=client")
    assert failure.certificate in failure.message


def test_an_alert_outweighs_a_broken_connection():
    record = Verification(alert_received=45)
    failure = handshake(SSL.SysCallError(errno.ECONNRESET, "ECONNRESET"), record=record)
    assert failure.code == Code.TLS_CERTIFICATE_EXPIRED


# -------------------------------------------------------------------------- mix-ups

FOREIGN = [
    (b"\x01\x00\x00\x00\x00\xcd", "a DICOM association request"),
    (b"\x03\x00\x00\x00", "a DICOM association rejection"),
    (b"\x07\x00\x00\x00", "a DICOM abort"),
    (b"GET / HTTP/1.1", "HTTP"),
    (b"POST /", "HTTP"),
    (b"HTTP/1.1 400", "HTTP"),
    (b"SSH-2.0-OpenSSH", "SSH"),
    (b"\x16\x02\x00\x00", "bytes that are not TLS (16 02 00 00)"),
    (b"\n\x00", "bytes that are not TLS (0a 00)"),
]


@pytest.mark.parametrize(("first_bytes", "protocol"), FOREIGN)
def test_what_is_spoken_instead_of_tls_is_named(first_bytes, protocol):
    assert foreign_protocol(first_bytes) == protocol
    failure = handshake(queue("wrong version number"), first_bytes=first_bytes)
    assert failure.code == Code.BAD_SECURE_MODE
    assert f"does not speak TLS; it sent {protocol}. Turn TLS on" in failure.message


@pytest.mark.parametrize(
    "first_bytes", [b"", b"\x16", b"\x16\x03\x01", b"\x15\x03\x03", b"\x17\x03"]
)
def test_what_may_be_tls(first_bytes):
    assert foreign_protocol(first_bytes) is None


@pytest.mark.parametrize(
    ("reason", "protocol"),
    [
        ("wrong version number", "something else, perhaps DICOM without TLS"),
        ("http request", "HTTP"),
        ("https proxy request", "HTTP"),
    ],
)
def test_without_the_first_bytes_openssls_reason_tells(reason, protocol):
    failure = handshake(queue(reason))
    assert failure.code == Code.BAD_SECURE_MODE
    assert f"it sent {protocol}. " in failure.message


def test_damage_after_a_tls_beginning_is_no_mix_up():
    assert handshake(queue("wrong version number"), first_bytes=b"\x16\x03\x01").code == Code.TLS


def test_a_plain_server_is_named_to_the_client():
    failure = handshake(queue("wrong version number"), Role.CLIENT, first_bytes=b"\x07\x00\x00")
    assert "the server does not speak TLS; it sent a DICOM abort" in failure.message
    assert "2762" in failure.message


@pytest.mark.parametrize(
    ("role", "first_bytes", "words"),
    [
        (Role.SERVER, b"\x16\x03\x01", "it sent a TLS handshake.*Turn TLS off at the client"),
        (Role.CLIENT, b"\x15\x03\x03", "it sent a TLS alert.*Turn TLS on here"),
    ],
)
def test_tls_on_a_plain_port_is_named(role, first_bytes, words):
    failure = tls_on_plain_port(first_bytes, role=role, peer=PEER)
    assert failure.code == Code.BAD_SECURE_MODE
    with pytest.raises(TlsError, match=words):
        raise failure


@pytest.mark.parametrize("first_bytes", [b"", b"\x16", b"\x01\x00", b"\x16\x02", b"\x99\x03"])
def test_other_bytes_on_a_plain_port_are_none_of_our_business(first_bytes):
    assert tls_on_plain_port(first_bytes, role=Role.SERVER, peer=PEER) is None


@pytest.mark.parametrize("first_bytes", [b"\x01\x00" + bytes(200), b"GET / HTTP/1.0\r\n\r\n"])
def test_openssl_agrees_that_it_is_no_tls(world, first_bytes):
    server = end_of(world.context(Role.SERVER), Role.SERVER)
    server.give(first_bytes)
    server.step()
    assert server.failure.code == Code.BAD_SECURE_MODE


# ---------------------------------------------------------------- OpenSSL's reasons


@pytest.mark.parametrize(
    ("reason", "code", "words"),
    [
        ("certificate verify failed", Code.TLS_CERTIFICATE_VERIFY_FAILED, "was refused"),
        ("peer did not return a certificate", Code.TLS_CERTIFICATE_VERIFY_FAILED, "showed no"),
        ("no shared cipher", Code.TLS_HANDSHAKE_FAILURE, "no cipher suite in common"),
        ("unsupported protocol", Code.TLS_PROTOCOL_VERSION, "no TLS version in common"),
        ("no suitable key share", Code.TLS_HANDSHAKE_FAILURE, "no key exchange group"),
        ("bad record mac", Code.TLS_BAD_RECORD_MAC, "damaged"),
    ],
)
def test_openssls_reasons(reason, code, words):
    failure = handshake(queue("something before", reason), record=Verification(alert_sent=40))
    assert failure.code == code
    assert failure.alert == 40
    assert words in failure.message
    assert f"with the client {PEER} failed" in failure.message


def test_a_reason_without_a_sentence_takes_the_code_of_the_alert_that_was_sent():
    failure = handshake(queue("length mismatch\n"), record=Verification(alert_sent=50))
    assert failure.code == Code.TLS_DECODE_ERROR
    assert "OpenSSL reports: length mismatch\\n" in failure.message


def test_a_reason_without_a_sentence_and_without_an_alert():
    assert handshake(queue("internal")).code == Code.TLS


# -------------------------------------------------------------- broken connections


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (SSL.SysCallError(-1, "Unexpected EOF"), Code.NET_CONNECTION_ABORTED, "without a word"),
        (SSL.SysCallError(errno.ECONNRESET, "x"), Code.NET_CONNECTION_RESET, "ECONNRESET"),
        (SSL.SysCallError(errno.EPERM, "x"), Code.NET_ACCESS, "EPERM"),
        (SSL.SysCallError(errno.EPIPE, "x"), Code.NET_CONNECTION_RESET, "EPIPE"),
        (SSL.SysCallError(errno.EIO, "x"), Code.NET_FAILURE, "EIO"),
        (ConnectionResetError(errno.ECONNRESET, "x"), Code.NET_CONNECTION_RESET, "ECONNRESET"),
        (TimeoutError("slow"), Code.NET_FAILURE, "TimeoutError('slow')"),
        (OSError(), Code.NET_FAILURE, "OSError()"),
        # The system's errors have no text in OpenSSL's queue.
        (SSL.Error([("system library", "", "")]), Code.NET_CONNECTION_RESET, "broke"),
        (SSL.ZeroReturnError(), Code.TLS_CLOSE_NOTIFY, "in order"),
        (ValueError("odd\n"), Code.NET_FAILURE, "odd"),
    ],
)
def test_broken_handshakes(role, error, code, words):
    failure = handshake(error, role)
    assert failure.code == code
    assert words in failure.message
    assert "see its log" in failure.message
    assert ("does not speak TLS" in failure.message) is (role is Role.CLIENT)


def test_the_peers_address_is_escaped():
    assert "pacs\\n:1" in handshake(queue("x"), peer="pacs\n:1").message


# -------------------------------------------------------------- after the handshake


@pytest.mark.parametrize("number", [42, 43, 44, 45, 46, 48, 49, 116])
def test_a_client_learns_late_that_its_certificate_was_refused(number):
    failure = transfer(queue("x"), record=Verification(alert_received=number))
    assert failure.stage == "handshake"
    assert failure.code == alert_by_number(number).code
    assert "TLS handshake with the server" in failure.message


def test_before_any_data_every_alert_to_a_client_belongs_to_the_handshake():
    record = Verification(alert_received=80)
    assert transfer(queue("x"), record=record, data_received=False).stage == "handshake"
    assert transfer(queue("x"), record=record).stage == "transfer"


def test_an_alert_to_a_server_belongs_to_the_transfer():
    failure = transfer(queue("x"), Role.SERVER, Verification(alert_received=46))
    assert failure.stage == "transfer"
    assert "TLS connection with the client" in failure.message


def test_a_damaged_record_in_a_transfer():
    failure = transfer(queue("bad record mac"), record=Verification(alert_sent=20))
    assert isinstance(failure, TlsError)
    assert (failure.stage, failure.code) == ("transfer", Code.TLS_BAD_RECORD_MAC)


def test_a_transfer_that_was_closed_in_order():
    failure = transfer(SSL.ZeroReturnError())
    assert isinstance(failure, TlsError)
    assert (failure.stage, failure.code) == ("transfer", Code.TLS_CLOSE_NOTIFY)


def test_a_transfer_that_was_cut_off():
    failure = transfer(SSL.SysCallError(-1, "Unexpected EOF"))
    assert isinstance(failure, NetworkError)
    assert failure.code == Code.NET_CONNECTION_ABORTED
    assert "data may be missing" in failure.message


def test_a_client_that_is_cut_off_before_any_data_may_have_been_refused():
    failure = transfer(SSL.SysCallError(errno.ECONNRESET, "x"), data_received=False)
    assert isinstance(failure, NetworkError)
    assert failure.code == Code.NET_CONNECTION_RESET
    assert "may have refused our certificate" in failure.message


@pytest.mark.parametrize("role", Role)
def test_a_damaged_record_on_a_real_connection(world, role):
    ends = connect(world.context(Role.CLIENT), world.context(Role.SERVER))
    end = ends[0] if role is Role.CLIENT else ends[1]
    end.give(b"\x17\x03\x03\x00\x20" + bytes(32))
    end.step()
    assert end.failure.code == Code.TLS_BAD_RECORD_MAC
    assert end.failure.stage == "transfer"
    assert end.failure.alert == 20

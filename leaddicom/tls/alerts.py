"""The TLS alerts (RFC 8446 section 6, and older ones) in words."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from leaddicom.error_codes import alert_code
from leaddicom.errors import DicomErrorCode

__all__ = ["ALERTS", "Alert", "alert_by_number"]


@dataclass(frozen=True, slots=True)
class Alert:
    """One TLS alert.

    Attributes
    ----------
    number : int
        Its number on the wire.
    name : str
        Its name in the RFC.
    meaning : str
        What it says about us when we receive it, as the second half of a sentence about the peer.
    advice : str
        What to do then, one sentence.
    about_certificate : bool
        Whether it judges our certificate, which a TLS 1.3 client learns after its handshake.
    """

    number: int
    name: str
    meaning: str
    advice: str
    about_certificate: bool = False

    @property
    def code(self) -> DicomErrorCode:
        """LEADTOOLS' code for it; the nearest one if its table is older than the alert."""
        return alert_code(self.number)


_LOG = "See the peer's log for the reason."
_DAMAGED = "Look for a device between the two that alters traffic, or for a faulty TLS library."
_PROFILE = "Compare TLS versions, cipher suites and kinds of certificate of both sides."
_REISSUE = "Have a certificate issued that the peer accepts."

_ALERTS = (
    Alert(0, "close_notify", "it closed the connection", _LOG),
    Alert(10, "unexpected_message", "it did not expect this", _DAMAGED),
    Alert(20, "bad_record_mac", "it got a damaged record", _DAMAGED),
    Alert(21, "decryption_failed", "it could not decrypt", _DAMAGED),
    Alert(22, "record_overflow", "it got too long a record", _DAMAGED),
    Alert(
        30,
        "decompression_failure",
        "it could not decompress",
        _DAMAGED,
    ),
    Alert(
        40,
        "handshake_failure",
        "it found nothing acceptable in common, or it wants a certificate and got none",
        "Set a certificate if there is none; otherwise compare TLS versions and cipher suites "
        "of both sides.",
        True,
    ),
    Alert(
        41,
        "no_certificate",
        "it has no certificate",
        "Give the peer a certificate.",
        True,
    ),
    Alert(
        42,
        "bad_certificate",
        "it refused our certificate as bad (damaged, too weak, not yet valid, or wrong name)",
        _REISSUE,
        True,
    ),
    Alert(
        43,
        "unsupported_certificate",
        "it refused the kind or the purpose of our certificate",
        "Have one issued with the extended key usage of our role: serverAuth for a server, "
        "clientAuth for a client.",
        True,
    ),
    Alert(
        44,
        "certificate_revoked",
        "it refused our certificate as revoked",
        "Have a new certificate issued.",
        True,
    ),
    Alert(
        45,
        "certificate_expired",
        "it refused our certificate, or a revocation list, as expired",
        "Renew the certificate, or compare the clocks of both systems.",
        True,
    ),
    Alert(
        46,
        "certificate_unknown",
        "it refused our certificate for a reason of its own",
        "See the peer's log for the reason; often an extension is missing.",
        True,
    ),
    Alert(
        47,
        "illegal_parameter",
        "it found a field out of range",
        _DAMAGED,
    ),
    Alert(
        48,
        "unknown_ca",
        "it does not trust the CA of our certificate",
        "Add our CA to the peer's trusted CAs, and put the intermediate certificates into our "
        "certificate file.",
        True,
    ),
    Alert(
        49,
        "access_denied",
        "it accepts our certificate, but does not let us in",
        "Have the peer allow the subject of our certificate.",
        True,
    ),
    Alert(50, "decode_error", "it could not decode a message", _DAMAGED),
    Alert(
        51,
        "decrypt_error",
        "it found a signature wrong",
        "Check that our private key, certificate and chain belong together.",
        True,
    ),
    Alert(
        60,
        "export_restriction",
        "it has export restrictions",
        _PROFILE,
    ),
    Alert(
        70,
        "protocol_version",
        "it does not take our TLS versions",
        "Enable TLS 1.2 or 1.3 at the peer.",
    ),
    Alert(
        71,
        "insufficient_security",
        "it wants stronger cipher suites",
        _PROFILE,
    ),
    Alert(
        80,
        "internal_error",
        "it failed, or a check of its own refused our certificate",
        _LOG,
    ),
    Alert(86, "inappropriate_fallback", "it saw a downgrade", _PROFILE),
    Alert(90, "user_canceled", "it gave up the handshake", _LOG),
    Alert(
        100,
        "no_renegotiation",
        "it does not renegotiate",
        "Turn renegotiation off.",
    ),
    Alert(
        109,
        "missing_extension",
        "it misses an extension in our hello",
        _PROFILE,
    ),
    Alert(
        110,
        "unsupported_extension",
        "it got an extension that it did not ask for",
        _DAMAGED,
    ),
    Alert(
        112,
        "unrecognized_name",
        "it does not know the server name that we asked for",
        "Connect under a name that the server knows, or set server_name.",
    ),
    Alert(
        113,
        "bad_certificate_status_response",
        "it refused our certificate's OCSP response",
        _LOG,
        True,
    ),
    Alert(
        115,
        "unknown_psk_identity",
        "it wants a pre-shared key",
        _PROFILE,
    ),
    Alert(
        116,
        "certificate_required",
        "it requires a certificate, and we showed none",
        "Set a certificate and its private key.",
        True,
    ),
    Alert(
        120,
        "no_application_protocol",
        "it does not take the application protocol (ALPN) that was offered",
        "Check that it is a DICOM port, and allow the ALPN identifier 'dicom' at the peer.",
    ),
)

#: The alerts by number.
ALERTS: MappingProxyType[int, Alert] = MappingProxyType({each.number: each for each in _ALERTS})


def alert_by_number(number: int) -> Alert:
    """Return the alert with `number`, whatever the number is."""
    unknown = Alert(number, f"alert {number}", "it sent an alert without a name", _LOG)
    return ALERTS.get(number, unknown)

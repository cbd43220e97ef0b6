"""Every `DicomErrorCode` with what brings it about, or with the reason why nothing does.

For the documentation, and for who ports an application and wonders which codes can still come.
"""

from __future__ import annotations

import errno
from types import MappingProxyType
from typing import NamedTuple

from leaddicom.error_codes import (
    ALERT_CODES,
    ERRNO_CODES,
    RESOLVER_CODES,
    VerifyCode,
    verify_error,
)
from leaddicom.errors import DicomErrorCode

__all__ = ["NOT_PRODUCED", "ErrorCodeRow", "error_code_rows"]

_C = DicomErrorCode


class ErrorCodeRow(NamedTuple):
    """One code.

    Attributes
    ----------
    code : DicomErrorCode
        Its number and name.
    is_produced : bool
        Whether this package gives it to events or raises it.
    text : str
        What brings it about; if nothing does, why.
    """

    code: DicomErrorCode
    is_produced: bool
    text: str


_NO_LICENCE = "there is no licence to unlock"
_NO_ISCL = "ISCL is not supported: its members raise 51, its mode 69"
_NO_PRINTING = "there is no print SCU"
_HANDLED = "sockets do not block, and what they cannot do yet is waited for"
_PROGRAM_FAULT = "only a fault of this package could bring it about"
_TCP_ONLY = "TCP over IP is the only kind of socket"
_NOT_WINSOCK = "it belongs to the start of Winsock, and nothing has to be started here"
_INSTALLED = "cryptography brings OpenSSL along; without it this package cannot be imported"
_CRL_REFUSED = "a revocation list with such a date is not loaded in the first place (219)"
_OPENSSL_TELLS_OTHERWISE = "today's OpenSSL has no such result"

#: The codes that this package never gives, and why.
NOT_PRODUCED: MappingProxyType[DicomErrorCode, str] = MappingProxyType(
    {
        _C.LOCKED: _NO_LICENCE,
        _C.MEMORY: "Python's MemoryError stays what it is; an event that raises it gives 29",
        _C.NET_DESTINATION_REQUIRED: _PROGRAM_FAULT,
        _C.NET_ARGUMENT_INCORRECT: _PROGRAM_FAULT,
        _C.NET_IN_PROGRESS: _HANDLED,
        _C.NET_BLOCKING_CANCELED: "no call blocks; a connection that is given up gives 418",
        _C.NET_MESSAGE_SIZE: "TCP has no datagrams; a PDU that is too long gives 18",
        _C.NET_RESET: "no POSIX system reports it for TCP; a lost connection gives 36 or 56",
        _C.NET_NOT_SOCKET: _PROGRAM_FAULT,
        _C.NET_PROTOCOL_TYPE: _TCP_ONLY,
        _C.NET_SHUTDOWN: "sending after the end of a connection gives 49",
        _C.NET_SOCKET_NOT_SUPPORTED: _TCP_ONLY,
        _C.NET_WOULD_BLOCK: _HANDLED,
        _C.NET_NO_RECOVERY: "name servers that fail give 58 or 63 with glibc; it is there for C "
        "libraries that report EAI_FAIL",
        _C.NET_SYSTEM_NOT_READY: _NOT_WINSOCK,
        _C.NET_VERSION_NOT_SUPPORTED: _NOT_WINSOCK,
        _C.NET_SECURITY_BREACH: "the code of the TLS error itself is given instead",
        _C.SECURITY_LOCKED: _NO_LICENCE,
        _C.TLS_DLL_NOT_LOADED: _INSTALLED,
        **{code: _NO_ISCL for code in _C if code.name.startswith("ISCL_")},
        _C.TLS_NO_KEEPALIVE: "a peer that does not answer keep-alives gives 56, as the system says",
        _C.TLS_CLOSED_CONTROLLED: "an end in good order gives 0, and any other its own code",
        _C.TLS_UNABLE_TO_DECRYPT_CERT_SIGNATURE: f"{_OPENSSL_TELLS_OTHERWISE}; it gives 165",
        _C.TLS_UNABLE_TO_DECRYPT_CRL_SIGNATURE: f"{_OPENSSL_TELLS_OTHERWISE}; it gives 166",
        _C.TLS_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY: "OpenSSL does not take a CA whose key it "
        "cannot decode for an issuer; it gives 178",
        _C.TLS_ERROR_IN_CRL_LAST_UPDATE_FIELD: _CRL_REFUSED,
        _C.TLS_ERROR_IN_CRL_NEXT_UPDATE_FIELD: _CRL_REFUSED,
        _C.TLS_OUT_OF_MEM: "OpenSSL is out of memory only when the whole program is",
        _C.TLS_CERT_UNTRUSTED: "PEM files of trusted CAs cannot restrict what a CA is trusted for",
        _C.TLS_SUBJECT_ISSUER_MISMATCH: f"{_OPENSSL_TELLS_OTHERWISE}; it gives 178",
        _C.TLS_AKID_SKID_MISMATCH: f"{_OPENSSL_TELLS_OTHERWISE}; it gives 178",
        _C.TLS_AKID_ISSUER_SERIAL_MISMATCH: f"{_OPENSSL_TELLS_OTHERWISE}; it gives 178",
        _C.CRYPTO_LIB_LOAD_FAILED: _INSTALLED,
        _C.CRYPTO_LIB_FAILURE: "it was made for digital signatures; TLS has codes of its own",
        _C.PRINTSCU_CLASS_NOT_SUPPORTED: _NO_PRINTING,
        _C.PRINTSCU_TIME_OUT: _NO_PRINTING,
        _C.PRINTSCU_ASSOCIATE_RQ_REJECTED: _NO_PRINTING,
        _C.PRINTSCU_FAILURE_STATUS: _NO_PRINTING,
        _C.SOP_INSTANCE_UID_ALREADY_EXISTS: "a peer that says so answers with the status 0111H",
    }
)

# What brings the others about, besides the tables of `error_codes`.
_CAUSES = {
    _C.SUCCESS: "no error",
    _C.OPEN: "a file cannot be opened",
    _C.READ: "a file or a data set is damaged or cut short",
    _C.WRITE: "a file cannot be written, or a received data set cannot be kept",
    _C.PARAMETER: "an argument of a method cannot be",
    _C.RANGE: "an index or a number is out of range, or a data set beyond a limit",
    _C.PDU_TYPE: "the peer breaks the protocol, or an `LDicomAssociate` is of the wrong kind",
    _C.PDU_LENGTH: "a PDU or an item in it has a length that cannot be",
    _C.PDU_ID: "a presentation context ID is taken, or was not offered",
    _C.NET_FAILURE: "an event has raised, or the network fails in a way without a code",
    _C.NET_CONNECTION_ABORTED: "an A-ABORT, or the peer closes the connection before its time",
    _C.NET_CONNECTION_REFUSED: "an A-ASSOCIATE-RJ",
    _C.NET_INVALID: "a method is called in a state that has no use for it",
    _C.NET_IS_CONNECTED: "a method needs an object that is not connected and does not listen",
    _C.NET_NO_BUFFERS: "the system has no thread left for a connection",
    _C.NET_NOT_CONNECTED: "a method needs a connection or an association",
    _C.NET_OPERATION_NOT_SUPPORTED: "a member of ISCL is called",
    _C.NET_TIME_OUT: "a deadline of `Limits` has passed",
    _C.NET_NOT_INITIALISED: "an object constructed in two steps lacks the second",
    _C.TLS: "TLS fails in a way without a code",
    _C.BAD_SECURE_MODE: "one end speaks TLS and the other does not, or a method needs TLS",
    _C.TLS_CERTIFICATE_VERIFY_FAILED: "no certificate where one is required, or one that is not "
    "for the host, or one that fails a check for which there is no other code",
    _C.TLS_INVALID_CTX: "`flags` or `method_type` of an `L_SSL_CTX_CREATE` cannot be",
    _C.TLS_INVALID_CTX_VERIFY_DEPTH: "its `verify_depth` cannot be",
    _C.TLS_INVALID_CTX_VERIFY_MODE: "its `verify_mode` cannot be",
    _C.TLS_INVALID_CTX_CAFILE: "its `ca_file` cannot be used",
    _C.TLS_INVALID_CTX_OPTIONS: "its `options` cannot be",
    _C.PRIVATE_KEY_LOAD_FAILED: "a private key cannot be loaded, or its password is wrong",
    _C.CERTIFICATE_LOAD_FAILED: "a certificate cannot be loaded, is too weak, or is missing",
    _C.CERTIFICATE_READ_FAILED: "the certificate of a peer that is not verified is garbled",
    _C.KEYS_MISMATCH: "a private key does not belong to its certificate",
    _C.IPV4_IPV6_CONFLICT: "local and remote address, or address and IpType, are of two families",
    _C.TRANSFER_SYNTAX_NOT_SUPPORTED: "a data set cannot be had in the transfer syntax needed",
    _C.CANCELED: "this end is closed while it connects",
    _C.CLASS_NOT_SUPPORTED: "the peer has not accepted the SOP class that is needed",
}


def error_code_rows() -> list[ErrorCodeRow]:
    """Give every code, lowest first."""
    return [
        ErrorCodeRow(code, False, NOT_PRODUCED[code])
        if code in NOT_PRODUCED
        else ErrorCodeRow(code, True, "; ".join(_causes(code)))
        for code in DicomErrorCode
    ]


def _causes(code: DicomErrorCode) -> list[str]:
    found = [_CAUSES[code]] if code in _CAUSES else []
    if alerts := [str(number) for number, each in ALERT_CODES.items() if each is code]:
        found.append(f"the peer sends the TLS alert {' or '.join(alerts)}")
    if code is not _C.TLS_CERTIFICATE_VERIFY_FAILED:
        found += [f"the peer's certificate fails check {each:d}" for each in _checks(code)]
    reports = [errno.errorcode[number] for number, each in ERRNO_CODES.items() if each is code]
    reports += [name for name, each in RESOLVER_CODES.items() if each is code]
    if reports:
        found.append(f"the system reports {' or '.join(reports)}")
    return found


def _checks(code: DicomErrorCode) -> list[VerifyCode]:
    return [each for each in VerifyCode if verify_error(each) is code]

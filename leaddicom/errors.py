"""The error tree, and LEADTOOLS' error numbers.

::

    DicomError
     +-- ParameterError      the caller passed something that cannot be
     +-- NetworkError        the socket, the peer's host or a deadline
     +-- TlsError            the handshake, a certificate or a key
     +-- AssociationError    the association was rejected, aborted or is not there
     |    +-- StatusError    the peer has answered a request with a failure
     +-- ProtocolError       the peer broke PS3.7 or PS3.8; carries the A-ABORT to answer
     +-- DataSetError        a data set is damaged, cut short or beyond a limit

Every error carries a LEADTOOLS number (``code``) and a sentence.  Methods raise it; events
receive the number.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "AssociationError",
    "DataSetError",
    "DicomError",
    "DicomErrorCode",
    "NetworkError",
    "ParameterError",
    "ProtocolError",
    "StatusError",
    "TlsError",
    "code_of",
]


class DicomErrorCode(IntEnum):
    """LEADTOOLS' ``DICOM_ERROR_...`` numbers, as far as they concern the network.

    Names are LEADTOOLS' without the prefix ``DICOM_``, and ``ERROR_`` where that follows.  What
    brings each about, or why nothing does, is told by `leaddicom.error_table`.
    """

    SUCCESS = 0
    LOCKED = 1
    MEMORY = 2
    OPEN = 3
    READ = 4
    WRITE = 5
    PARAMETER = 9
    RANGE = 14
    PDU_TYPE = 17
    PDU_LENGTH = 18
    PDU_ID = 19

    NET_FAILURE = 29
    NET_ACCESS = 30
    NET_ADDRESS_IN_USE = 31
    NET_ADDRESS_NOT_AVAILABLE = 32
    NET_ADDRESS_NOT_SUPPORTED = 33
    NET_CONNECTION_ABORTED = 34
    NET_CONNECTION_REFUSED = 35
    NET_CONNECTION_RESET = 36
    NET_DESTINATION_REQUIRED = 37
    NET_ARGUMENT_INCORRECT = 38
    NET_IN_PROGRESS = 39
    NET_BLOCKING_CANCELED = 40
    NET_INVALID = 41
    NET_IS_CONNECTED = 42
    NET_NO_MORE_FILE = 43
    NET_MESSAGE_SIZE = 44
    NET_DOWN = 45
    NET_RESET = 46
    NET_UN_REACH = 47
    NET_NO_BUFFERS = 48
    NET_NOT_CONNECTED = 49
    NET_NOT_SOCKET = 50
    NET_OPERATION_NOT_SUPPORTED = 51
    NET_PROTOCOL_NOT_SUPPORTED = 52
    NET_PROTOCOL_TYPE = 53
    NET_SHUTDOWN = 54
    NET_SOCKET_NOT_SUPPORTED = 55
    NET_TIME_OUT = 56
    NET_WOULD_BLOCK = 57
    NET_HOST_NOT_FOUND = 58
    NET_NO_DATA = 59
    NET_NO_RECOVERY = 60
    NET_NOT_INITIALISED = 61
    NET_SYSTEM_NOT_READY = 62
    NET_TRY_AGAIN = 63
    NET_VERSION_NOT_SUPPORTED = 64
    NET_SECURITY_BREACH = 65

    TLS = 66
    SECURITY_LOCKED = 67
    TLS_DLL_NOT_LOADED = 68
    BAD_SECURE_MODE = 69

    ISCL_BAD_OPTION = 100
    ISCL_BAD_LENGTH = 101
    ISCL_LOCAL_ICCARD = 102
    ISCL_REMOTE_ICCARD = 103
    ISCL_BAD_MSGID = 104
    ISCL_BAD_VERSION = 105
    ISCL_BAD_MUTUAL_AUTH_METHOD = 106
    ISCL_BAD_COMMBLOCK_LENGTH = 107
    ISCL_RECEIVED_NAK = 108
    ISCL_MSG_TRANSMISSION = 109
    ISCL_PEER_SMALL_LENGTH = 110
    ISCL_LOCAL_SMALL_LENGTH = 111
    ISCL_DECRYPT = 112
    ISCL_BAD_MAC = 113
    ISCL_RND_NO_FOR_SESSION_KEY_EXPECTED = 114
    ISCL_PEER_REFUSE_CLOSE = 115

    TLS_CERTIFICATE_VERIFY_FAILED = 127
    TLS_CLOSE_NOTIFY = 128
    TLS_UNEXPECTED_MESSAGE = 129
    TLS_BAD_RECORD_MAC = 130
    TLS_DECRYPT_FAILED = 131
    TLS_RECORD_OVERFLOW = 132
    TLS_DECOMPRESSION_FAILURE = 133
    TLS_HANDSHAKE_FAILURE = 134
    TLS_BAD_CERTIFICATE = 135
    TLS_UNSUPPORTED_CERTIFICATE = 136
    TLS_CERTIFICATE_REVOKED = 137
    TLS_CERTIFICATE_EXPIRED = 138
    TLS_CERTIFICATE_UNKNOWN = 139
    TLS_ILLEGAL_PARAMETER = 140
    TLS_UNKNOWN_CA = 141
    TLS_ACCESS_DENIED = 142
    TLS_DECODE_ERROR = 143
    TLS_DECRYPT_ERROR = 144
    TLS_EXPORT_RESTRICTION = 145
    TLS_PROTOCOL_VERSION = 146
    TLS_INSUFFICIENT_SECURITY = 147
    TLS_INTERNAL_ERROR = 148
    TLS_USER_CANCELED = 149
    TLS_NO_RENEGOTIATION = 150
    TLS_NO_KEEPALIVE = 151
    TLS_CLOSED_CONTROLLED = 152

    # What is wrong with a certificate that this end refuses: L_X509_V_... plus 158.
    TLS_UNABLE_TO_GET_ISSUER_CERT = 160
    TLS_UNABLE_TO_GET_CRL = 161
    TLS_UNABLE_TO_DECRYPT_CERT_SIGNATURE = 162
    TLS_UNABLE_TO_DECRYPT_CRL_SIGNATURE = 163
    TLS_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY = 164
    TLS_CERT_SIGNATURE_FAILURE = 165
    TLS_CRL_SIGNATURE_FAILURE = 166
    TLS_CERT_NOT_YET_VALID = 167
    TLS_CERT_HAS_EXPIRED = 168
    TLS_CRL_NOT_YET_VALID = 169
    TLS_CRL_HAS_EXPIRED = 170
    TLS_ERROR_IN_CERT_NOT_BEFORE_FIELD = 171
    TLS_ERROR_IN_CERT_NOT_AFTER_FIELD = 172
    TLS_ERROR_IN_CRL_LAST_UPDATE_FIELD = 173
    TLS_ERROR_IN_CRL_NEXT_UPDATE_FIELD = 174
    TLS_OUT_OF_MEM = 175
    TLS_DEPTH_ZERO_SELF_SIGNED_CERT = 176
    TLS_SELF_SIGNED_CERT_IN_CHAIN = 177
    TLS_UNABLE_TO_GET_ISSUER_CERT_LOCALLY = 178
    TLS_UNABLE_TO_VERIFY_LEAF_SIGNATURE = 179
    TLS_CERT_CHAIN_TOO_LONG = 180
    TLS_CERT_REVOKED = 181
    TLS_INVALID_CA = 182
    TLS_PATH_LENGTH_EXCEEDED = 183
    TLS_INVALID_PURPOSE = 184
    TLS_CERT_UNTRUSTED = 185
    TLS_CERT_REJECTED = 186
    TLS_SUBJECT_ISSUER_MISMATCH = 187
    TLS_AKID_SKID_MISMATCH = 188
    TLS_AKID_ISSUER_SERIAL_MISMATCH = 189
    TLS_KEYUSAGE_NO_CERTSIGN = 190

    TLS_APPLICATION_VERIFICATION = 191
    TLS_INVALID_CTX = 192
    TLS_INVALID_CTX_VERIFY_DEPTH = 193
    TLS_INVALID_CTX_VERIFY_MODE = 194
    TLS_INVALID_CTX_CAFILE = 195
    TLS_INVALID_CTX_OPTIONS = 196

    CRYPTO_LIB_LOAD_FAILED = 216
    PRIVATE_KEY_LOAD_FAILED = 218
    CERTIFICATE_LOAD_FAILED = 219
    CERTIFICATE_READ_FAILED = 220
    KEYS_MISMATCH = 221
    CRYPTO_LIB_FAILURE = 225

    PRINTSCU_CLASS_NOT_SUPPORTED = 301
    PRINTSCU_TIME_OUT = 302
    PRINTSCU_ASSOCIATE_RQ_REJECTED = 303
    PRINTSCU_FAILURE_STATUS = 304
    SOP_INSTANCE_UID_ALREADY_EXISTS = 305

    IPV4_IPV6_CONFLICT = 307
    TRANSFER_SYNTAX_NOT_SUPPORTED = 417
    CANCELED = 418
    NET_HOST_UN_REACH = 423
    CLASS_NOT_SUPPORTED = 425


class DicomError(Exception):
    """Base of every error of this package.

    Parameters
    ----------
    code : DicomErrorCode
        LEADTOOLS' number of the error.
    message : str
        What happened, to whom, why, and what to do about it.

    Attributes
    ----------
    code : DicomErrorCode
        LEADTOOLS' number of the error.
    message : str
        The sentence.
    """

    def __init__(self, code: DicomErrorCode, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


def code_of(error: DicomError | None) -> DicomErrorCode:
    """Give the number that an event receives; `SUCCESS` for no error."""
    return DicomErrorCode.SUCCESS if error is None else error.code


class ParameterError(DicomError, ValueError):
    """The caller passed something that cannot be; nothing was sent."""

    def __init__(self, message: str, code: DicomErrorCode = DicomErrorCode.PARAMETER) -> None:
        super().__init__(code, message)

    def __reduce__(self) -> tuple[type[ParameterError], tuple[str, DicomErrorCode]]:
        return type(self), (self.message, self.code)


class NetworkError(DicomError):
    """The socket, the peer's host, or a deadline on either failed."""


class TlsError(DicomError):
    """A TLS handshake, a certificate or a key failed.

    Parameters
    ----------
    code : DicomErrorCode
        LEADTOOLS' number of the error.
    message : str
        What happened, why, and one sentence of advice.
    stage : str
        Where: ``"certificate"`` or ``"private key"`` (while loading), ``"handshake"``,
        ``"host name"`` or ``"transfer"`` (after the handshake).
    alert : int, optional
        Number of the TLS alert that was received or sent (RFC 8446, section 6).
    verify_code : int, optional
        LEADTOOLS' ``L_X509_V_...`` number of the certificate check that failed.
    certificate : str, optional
        Subject, issuer and validity of the certificate concerned, on one line.
    peer : str, optional
        ``"host:port"`` of the peer.
    advice : str, optional
        What to do; the message ends with it.
    """

    def __init__(
        self,
        code: DicomErrorCode,
        message: str,
        *,
        stage: str = "handshake",
        alert: int | None = None,
        verify_code: int | None = None,
        certificate: str | None = None,
        peer: str | None = None,
        advice: str | None = None,
    ) -> None:
        super().__init__(code, message)
        self.stage = stage
        self.alert = alert
        self.verify_code = verify_code
        self.certificate = certificate
        self.peer = peer
        self.advice = advice


class AssociationError(DicomError):
    """The association was rejected, was aborted, or does not exist.

    Parameters
    ----------
    code : DicomErrorCode
        LEADTOOLS' number of the error.
    message : str
        What happened and what to do.
    result, source, reason : int, optional
        The fields of the A-ASSOCIATE-RJ (PS3.8 section 9.3.4) or, without `result`, of the
        A-ABORT (section 9.3.8) that ended it.
    """

    def __init__(
        self,
        code: DicomErrorCode,
        message: str,
        *,
        result: int | None = None,
        source: int | None = None,
        reason: int | None = None,
    ) -> None:
        super().__init__(code, message)
        self.result = result
        self.source = source
        self.reason = reason


class StatusError(AssociationError):
    """The peer has answered a request with a failure; the association goes on.

    Parameters
    ----------
    message : str
        Which request, and what the status means.
    status : int
        The status of the final response (PS3.7 Annex C).
    comment : str
        Its Error Comment (0000,0902), as the peer has written it.
    """

    def __init__(self, message: str, status: int, comment: str = "") -> None:
        super().__init__(DicomErrorCode.NET_FAILURE, message)
        self.status = status
        self.comment = comment

    def __reduce__(self) -> tuple[type[StatusError], tuple[str, int, str]]:
        return type(self), (self.message, self.status, self.comment)


class ProtocolError(DicomError):
    """The peer sent what PS3.7 or PS3.8 forbids, or more than a limit allows.

    Parameters
    ----------
    message : str
        What was wrong, in the standard's terms.
    reason : int
        Reason of the A-ABORT that answers it (PS3.8 Table 9-26).
    code : DicomErrorCode
        LEADTOOLS' number of the error.
    """

    def __init__(
        self,
        message: str,
        reason: int = 0,
        code: DicomErrorCode = DicomErrorCode.PDU_TYPE,
    ) -> None:
        super().__init__(code, message)
        self.reason = reason

    def __reduce__(
        self,
    ) -> tuple[type[ProtocolError], tuple[str, int, DicomErrorCode]]:
        return type(self), (self.message, self.reason, self.code)


class DataSetError(DicomError):
    """A data set is damaged, cut short, beyond a limit, or cannot be written."""

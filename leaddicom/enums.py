"""Constants of the DICOM standard and of LEADTOOLS' API that more than one layer needs."""

from __future__ import annotations

from enum import IntEnum, IntFlag

__all__ = [
    "DICOM_SECURE_ISCL",
    "DICOM_SECURE_NONE",
    "DICOM_SECURE_TLS",
    "AbortReason",
    "AbortSource",
    "CertificateType",
    "ContextResult",
    "DebugMode",
    "IpType",
    "NetFlag",
    "PduType",
    "Priority",
    "RejectReason",
    "RejectResult",
    "RejectSource",
    "SecureMode",
    "SslContextFlag",
    "SslMethod",
    "SslOption",
    "Status",
    "TlsStatus",
    "VerifyMode",
]


class SecureMode(IntEnum):
    """LEADTOOLS' ``DICOM_SECURE_...``: how a connection is protected."""

    NONE = 0xABCD0000
    ISCL = 0xABCD0001
    TLS = 0xABCD0002


DICOM_SECURE_NONE = SecureMode.NONE
DICOM_SECURE_ISCL = SecureMode.ISCL
DICOM_SECURE_TLS = SecureMode.TLS


class IpType(IntEnum):
    """LEADTOOLS' ``DICOM_IPTYPE_...``: address families to use."""

    NONE = 0
    IPV4 = 1
    IPV6 = 2
    IPV4_OR_IPV6 = 3


class VerifyMode(IntFlag):
    """LEADTOOLS' ``L_SSL_VERIFY_...``: what is asked of the peer's certificate."""

    NONE = 0
    PEER = 1
    FAIL_IF_NO_PEER_CERT = 2
    CLIENT_ONCE = 4
    ALL = 7


class SslContextFlag(IntFlag):
    """LEADTOOLS' ``FLAG_SSL_CTX_CREATE_...``: which fields of `L_SSL_CTX_CREATE` count."""

    METHOD_TYPE = 0x01
    VERIFY_DEPTH = 0x02
    VERIFY_MODE = 0x04
    CAFILE = 0x08
    OPTIONS = 0x10
    ALL = 0x1F


class SslMethod(IntEnum):
    """LEADTOOLS' ``TYPE_..._METHOD``: which protocol versions are spoken."""

    SSLV2 = 1
    SSLV3 = 2
    TLSV1 = 3
    SSLV23 = 4
    TLS = 5


class SslOption(IntFlag):
    """LEADTOOLS' ``SSL_OP_...``; numbers of an old OpenSSL that mean other things in a new one.

    `ALL` stands for work-arounds for the faults of old peers; it had three values over time.
    """

    ALL_BEFORE_19 = 0x000FFFFF
    ALL_19 = 0x00000FFF
    ALL = 0x80000BFF
    NO_COMPRESSION = 0x00020000
    NO_SSLV2 = 0x01000000
    NO_SSLV3 = 0x02000000
    NO_TLSV1 = 0x04000000
    NO_TLSV1_2 = 0x08000000
    NO_TLSV1_1 = 0x10000000


class TlsStatus(IntEnum):
    """LEADTOOLS' states of a TLS link."""

    NOT_CONNECTED = 0
    CLIENT_HANDSHAKE = 1
    SERVER_HANDSHAKE = 2
    CONNECTED = 3


class NetFlag(IntFlag):
    """LEADTOOLS' ``DicomNetFlags``: options of sending.  The number is ours."""

    NONE = 0
    SEND_DATA_WITH_GROUP_LENGTH_STANDARD_DATA_ELEMENTS = 1


class DebugMode(IntFlag):
    """LEADTOOLS' flags of ``SetDebugMode``."""

    NORMAL = 0
    SEND = 1
    RECEIVE = 2


class CertificateType(IntEnum):
    """LEADTOOLS' ``L_TLS_FILETYPE_...``: encoding of certificate and key files."""

    PEM = 1
    ASN1 = 2


class PduType(IntEnum):
    """PDU types (PS3.8 section 9.3)."""

    UNKNOWN = 0
    ASSOCIATE_REQUEST = 1
    ASSOCIATE_ACCEPT = 2
    ASSOCIATE_REJECT = 3
    DATA_TRANSFER = 4
    RELEASE_REQUEST = 5
    RELEASE_RESPONSE = 6
    ABORT = 7


class ContextResult(IntEnum):
    """Result of a presentation context (PS3.8 Table 9-18)."""

    ACCEPTANCE = 0
    USER_REJECTION = 1
    NO_REASON = 2
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4


class RejectResult(IntEnum):
    """Result of an A-ASSOCIATE-RJ (PS3.8 Table 9-21)."""

    PERMANENT = 1
    TRANSIENT = 2


class RejectSource(IntEnum):
    """Source of an A-ASSOCIATE-RJ (PS3.8 Table 9-21)."""

    SERVICE_USER = 1
    SERVICE_PROVIDER_ACSE = 2
    SERVICE_PROVIDER_PRESENTATION = 3


class RejectReason(IntEnum):
    """Reasons of an A-ASSOCIATE-RJ (PS3.8 Table 9-21).

    The numbers mean different things for each source, hence the aliases.
    """

    NO_REASON_GIVEN = 1
    APPLICATION_CONTEXT_NOT_SUPPORTED = 2
    CALLING_AE_TITLE_NOT_RECOGNIZED = 3
    CALLED_AE_TITLE_NOT_RECOGNIZED = 7
    PROTOCOL_VERSION_NOT_SUPPORTED = 2
    TEMPORARY_CONGESTION = 1
    LOCAL_LIMIT_EXCEEDED = 2


class AbortSource(IntEnum):
    """Source of an A-ABORT (PS3.8 Table 9-26)."""

    SERVICE_USER = 0
    SERVICE_PROVIDER = 2


class AbortReason(IntEnum):
    """Provider reason of an A-ABORT (PS3.8 Table 9-26)."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    UNRECOGNIZED_PDU_PARAMETER = 4
    UNEXPECTED_PDU_PARAMETER = 5
    INVALID_PDU_PARAMETER_VALUE = 6


class Priority(IntEnum):
    """Priority of a DIMSE request (PS3.7 section 9.3)."""

    MEDIUM = 0
    HIGH = 1
    LOW = 2


class Status(IntEnum):
    """DIMSE status codes (PS3.7 Annex C) under LEADTOOLS' names.

    A response may carry any 16-bit status; these are the ones that have a name.
    """

    SUCCESS = 0x0000
    NO_SUCH_ATTRIBUTE = 0x0105
    INVALID_ATTRIBUTE_VALUE = 0x0106
    ATTRIBUTE_LIST_ERROR = 0x0107
    PROCESSING_FAILURE = 0x0110
    DUPLICATE_INSTANCE = 0x0111
    NO_SUCH_OBJECT_INSTANCE = 0x0112
    NO_SUCH_EVENT_TYPE = 0x0113
    NO_SUCH_ARGUMENT = 0x0114
    INVALID_ARGUMENT_VALUE = 0x0115
    ATTRIBUTE_OUT_OF_RANGE = 0x0116
    INVALID_OBJECT_INSTANCE = 0x0117
    NO_SUCH_CLASS = 0x0118
    CLASS_INSTANCE_CONFLICT = 0x0119
    MISSING_ATTRIBUTE = 0x0120
    MISSING_ATTRIBUTE_VALUE = 0x0121
    CLASS_NOT_SUPPORTED = 0x0122
    NO_SUCH_ACTION_TYPE = 0x0123
    REFUSED_NOT_AUTHORIZED = 0x0124
    DUPLICATE_TRANSACTION_UID = 0x0131
    DUPLICATE_INVOCATION = 0x0210
    UNRECOGNIZED_OPERATION = 0x0211
    MISTYPED_ARGUMENT = 0x0212
    RESOURCE_LIMITATION = 0x0213
    REFUSED_OUT_OF_RESOURCES = 0xA700
    REFUSED_UNABLE_CALCULATE_MATCHES = 0xA701
    REFUSED_UNABLE_PERFORM_SUB_OPS = 0xA702
    REFUSED_MOVE_DESTINATION_UNKNOWN = 0xA801
    WARNING = 0xB000
    FAILURE = 0xC001
    RESERVED2 = 0xC002
    RESERVED3 = 0xC003
    RESERVED4 = 0xC004
    CANCEL = 0xFE00
    PENDING = 0xFF00
    PENDING_WARNING = 0xFF01

"""DICOM networking over mutual TLS, with LEADTOOLS' ``LDicomNet`` as its face.

Applications subclass `LDicomNet` and override its events; scripts use `Scu`.
"""

from leaddicom.access import AccessDecision, AccessPolicy, AccessRequest, AccessRule
from leaddicom.archive import Archive
from leaddicom.associate import LDicomAssociate
from leaddicom.contexts import (
    COMMON_STORAGE,
    MODALITY_WORKLIST,
    PATIENT_ROOT,
    STORAGE,
    STUDY_ROOT,
    TRANSFER_SYNTAXES,
    UNCOMPRESSED,
    VERIFICATION,
    QueryModel,
    supported,
)
from leaddicom.dataset import LDicomDS
from leaddicom.enums import (
    DICOM_SECURE_ISCL,
    DICOM_SECURE_NONE,
    DICOM_SECURE_TLS,
    AbortReason,
    AbortSource,
    CertificateType,
    ContextResult,
    DebugMode,
    IpType,
    NetFlag,
    PduType,
    Priority,
    RejectReason,
    RejectResult,
    RejectSource,
    SecureMode,
    SslContextFlag,
    SslMethod,
    SslOption,
    Status,
    TlsStatus,
    VerifyMode,
)
from leaddicom.errors import (
    AssociationError,
    DataSetError,
    DicomError,
    DicomErrorCode,
    NetworkError,
    ParameterError,
    ProtocolError,
    StatusError,
    TlsError,
)
from leaddicom.implementation import VERSION
from leaddicom.limits import Limits
from leaddicom.net import LDicomNet
from leaddicom.net_dimse import DebugInfoOnSend
from leaddicom.net_tls import OpenSslVersion
from leaddicom.scu import (
    NormalizedResult,
    Outcome,
    RetrieveProgress,
    RetrieveResult,
    Scu,
    StoreIssue,
    StoreProgress,
    StoreResult,
)
from leaddicom.ssl_context import L_SSL_CTX_CREATE
from leaddicom.tls.identity import LinkFacts, PeerIdentity
from leaddicom.tls.settings import TlsSettings
from leaddicom.tls.suites import (
    AuthenticationAlgorithm,
    Ciphersuite,
    EncryptionAlgorithm,
    IntegrityAlgorithm,
    KeyExchangeAlgorithm,
)
from leaddicom.transport.opening import SocketOptions
from leaddicom.upper_layer.negotiation import SupportedContext
from leaddicom.upper_layer.user_items import (
    CommonExtendedNegotiation,
    UserIdentity,
    UserIdentityType,
)

__version__ = VERSION

__all__ = [
    "COMMON_STORAGE",
    "DICOM_SECURE_ISCL",
    "DICOM_SECURE_NONE",
    "DICOM_SECURE_TLS",
    "L_SSL_CTX_CREATE",
    "MODALITY_WORKLIST",
    "PATIENT_ROOT",
    "STORAGE",
    "STUDY_ROOT",
    "TRANSFER_SYNTAXES",
    "UNCOMPRESSED",
    "VERIFICATION",
    "AbortReason",
    "AbortSource",
    "AccessDecision",
    "AccessPolicy",
    "AccessRequest",
    "AccessRule",
    "Archive",
    "AssociationError",
    "AuthenticationAlgorithm",
    "CertificateType",
    "Ciphersuite",
    "CommonExtendedNegotiation",
    "ContextResult",
    "DataSetError",
    "DebugInfoOnSend",
    "DebugMode",
    "DicomError",
    "DicomErrorCode",
    "EncryptionAlgorithm",
    "IntegrityAlgorithm",
    "IpType",
    "KeyExchangeAlgorithm",
    "LDicomAssociate",
    "LDicomDS",
    "LDicomNet",
    "Limits",
    "LinkFacts",
    "NetFlag",
    "NetworkError",
    "NormalizedResult",
    "OpenSslVersion",
    "Outcome",
    "ParameterError",
    "PduType",
    "PeerIdentity",
    "Priority",
    "ProtocolError",
    "QueryModel",
    "RejectReason",
    "RejectResult",
    "RejectSource",
    "RetrieveProgress",
    "RetrieveResult",
    "Scu",
    "SecureMode",
    "SocketOptions",
    "SslContextFlag",
    "SslMethod",
    "SslOption",
    "Status",
    "StatusError",
    "StoreIssue",
    "StoreProgress",
    "StoreResult",
    "SupportedContext",
    "TlsError",
    "TlsSettings",
    "TlsStatus",
    "UserIdentity",
    "UserIdentityType",
    "VerifyMode",
    "supported",
]

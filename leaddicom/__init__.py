"""DICOM networking over mutual TLS, with LEADTOOLS' ``LDicomNet`` as its face.

Applications subclass `LDicomNet` and override its events; scripts use `Scu`.
"""

from leaddicom.archive import Archive
from leaddicom.associate import LDicomAssociate
from leaddicom.contexts import STORAGE, TRANSFER_SYNTAXES, UNCOMPRESSED, VERIFICATION, supported
from leaddicom.dataset import LDicomDS
from leaddicom.enums import (
    DICOM_SECURE_ISCL,
    DICOM_SECURE_NONE,
    DICOM_SECURE_TLS,
    AbortReason,
    AbortSource,
    CertificateType,
    ContextResult,
    IpType,
    PduType,
    Priority,
    RejectReason,
    RejectResult,
    RejectSource,
    SecureMode,
    Status,
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
    TlsError,
)
from leaddicom.implementation import VERSION
from leaddicom.limits import Limits
from leaddicom.net import LDicomNet
from leaddicom.scu import Scu, StoreIssue, StoreProgress, StoreResult
from leaddicom.tls.identity import LinkFacts, PeerIdentity
from leaddicom.tls.settings import TlsSettings
from leaddicom.tls.suites import (
    AuthenticationAlgorithm,
    Ciphersuite,
    EncryptionAlgorithm,
    IntegrityAlgorithm,
    KeyExchangeAlgorithm,
)
from leaddicom.upper_layer.negotiation import SupportedContext

__version__ = VERSION

__all__ = [
    "DICOM_SECURE_ISCL",
    "DICOM_SECURE_NONE",
    "DICOM_SECURE_TLS",
    "STORAGE",
    "TRANSFER_SYNTAXES",
    "UNCOMPRESSED",
    "VERIFICATION",
    "AbortReason",
    "AbortSource",
    "Archive",
    "AssociationError",
    "AuthenticationAlgorithm",
    "CertificateType",
    "Ciphersuite",
    "ContextResult",
    "DataSetError",
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
    "NetworkError",
    "ParameterError",
    "PduType",
    "PeerIdentity",
    "Priority",
    "ProtocolError",
    "RejectReason",
    "RejectResult",
    "RejectSource",
    "Scu",
    "SecureMode",
    "Status",
    "StoreIssue",
    "StoreProgress",
    "StoreResult",
    "SupportedContext",
    "TlsError",
    "TlsSettings",
    "VerifyMode",
    "supported",
]

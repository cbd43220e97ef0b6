"""What was observed of a peer.  What it means is told by the modules of findings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from cryptography import x509

from leaddicom.doctor.scan import Scan
from leaddicom.errors import DicomErrorCode
from leaddicom.values import check_ae_title

__all__ = ["Echo", "Flaw", "Handshake", "LinkFacts", "Speech", "Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to examine, and as whom.

    Attributes
    ----------
    host, port : str and int
        The peer.
    called_ae_title, calling_ae_title : str
        Its AE title, and ours.
    ca_file : str or None
        Trusted CAs; a file or a folder.
    certificate, key : str or None
        Files of our own certificate and its key.
    server_name : str or None
        Name that its certificate is to have, instead of `host`.
    plain : bool
        Whether the link is to be without TLS.
    timeout : float
        Seconds for each step of each connection.

    Raises
    ------
    ParameterError
        An AE title is none (PS3.5 section 6.2).
    """

    host: str
    port: int
    called_ae_title: str = "ANY-SCP"
    calling_ae_title: str = "LEADDICOM"
    ca_file: str | None = None
    certificate: str | None = None
    key: str | None = None
    server_name: str | None = None
    plain: bool = False
    timeout: float = 5.0

    def __post_init__(self) -> None:
        check_ae_title(self.called_ae_title)
        check_ae_title(self.calling_ae_title)

    @property
    def name(self) -> str:
        """The name that the peer's certificate is to have."""
        return self.server_name or self.host


class Speech(Enum):
    """What a peer speaks."""

    TLS = "TLS"
    DICOM = "DICOM without TLS"
    HTTP = "HTTP"
    SSH = "SSH"
    OTHER = "something else"
    SILENT = "nothing"
    CLOSED = "nothing, and closes the connection"


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why OpenSSL would refuse a certificate.

    Attributes
    ----------
    code : int
        OpenSSL's number of the check.
    depth : int
        Place in the chain; 0 is the peer's own certificate.
    subject : str
        Of the certificate.
    """

    code: int
    depth: int
    subject: str


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a handshake with our own certificate, if there is one, has shown.

    Attributes
    ----------
    tls_version, cipher_name, group, alpn : str or None
        What was negotiated.
    chain : tuple of cryptography.x509.Certificate
        What the server sent, its own certificate first, up to one that cannot be decoded.
    flaws : tuple of Flaw
        What OpenSSL finds wrong with it, given the trusted CAs.
    asks_certificate : bool
        Whether it asked for a client certificate.
    trusted_cas : tuple of str
        The CAs that it says it trusts.
    own_issuers : tuple of str
        The issuers in our own chain, written as `trusted_cas` are.
    failure : str or None
        Why it failed; `None` if it is complete.
    """

    tls_version: str | None = None
    cipher_name: str | None = None
    group: str | None = None
    alpn: str | None = None
    chain: tuple[x509.Certificate, ...] = ()
    flaws: tuple[Flaw, ...] = ()
    asks_certificate: bool = False
    trusted_cas: tuple[str, ...] = ()
    own_issuers: tuple[str, ...] = ()
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Echo:
    """How a C-ECHO went.

    Attributes
    ----------
    seconds : float or None
        From request to response; `None` if there was none.
    answered : bool
        Whether the peer has answered in DICOM, be it with a rejection; so TLS was passed.
    failure : str or None
        Why it failed.
    code : DicomErrorCode or None
        LEADTOOLS' number of that.
    alert : int or None
        The TLS alert by which the peer has refused us.
    """

    seconds: float | None = None
    answered: bool = False
    failure: str | None = None
    code: DicomErrorCode | None = None
    alert: int | None = None


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """All that was observed of a peer.

    Attributes
    ----------
    target : Target
        Who was asked.
    unreachable : str or None
        Why there is no connection.
    speech : Speech or None
        What it speaks.
    first_bytes : bytes
        How its first answer begins.
    preferred : int or None
        The TLS version that it chose when it was offered all.
    handshake : Handshake or None
        Of TLS.
    echo : Echo or None
        With our certificate, if there is one.
    plain_echo : Echo or None
        Without TLS.
    anonymous : Echo or None
        Over TLS without a certificate, if we have one.
    scan : Scan or None
        What it accepts.
    connections : int
        How many connections it took.
    """

    target: Target
    unreachable: str | None = None
    speech: Speech | None = None
    first_bytes: bytes = b""
    preferred: int | None = None
    handshake: Handshake | None = None
    echo: Echo | None = None
    plain_echo: Echo | None = None
    anonymous: Echo | None = None
    scan: Scan | None = None
    connections: int = 0

"""`L_SSL_CTX_CREATE`: LEADTOOLS' structure of TLS settings, and what it means here.

Its numbers come from an old OpenSSL, where they had other meanings than in today's; so each one
is translated by name, and none ever reaches OpenSSL.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from leaddicom.enums import SslContextFlag, SslMethod, SslOption, VerifyMode
from leaddicom.errors import DicomErrorCode, ParameterError, TlsError
from leaddicom.tls.settings import TlsSettings
from leaddicom.tls.trust import load_trusted

__all__ = ["L_SSL_CTX_CREATE", "checked_method", "with_options"]

_SPOKEN = (SslMethod.SSLV23, SslMethod.TLS)

#: Bits that ask for what is so anyway, or for work-arounds for peers that are gone.
_IDLE = (
    SslOption.ALL
    | SslOption.ALL_BEFORE_19
    | SslOption.NO_COMPRESSION
    | SslOption.NO_SSLV2
    | SslOption.NO_SSLV3
    | SslOption.NO_TLSV1
    | SslOption.NO_TLSV1_1
)


@dataclass(slots=True)
class L_SSL_CTX_CREATE:  # noqa: N801 - LEADTOOLS' name
    """TLS settings for `LDicomNet.Initialize`, as LEADTOOLS has them.

    New code takes `TlsSettings`, which can say more.

    Attributes
    ----------
    flags : int
        `SslContextFlag` bits: which of the next five fields count; the others keep what was set
        before.
    method_type : int
        An `SslMethod`.  TLS and SSLV23 mean what the TLS profile allows (TLS 1.2 and 1.3); the
        other ones name versions that are broken, and are refused.
    ca_file : str or None
        PEM file of the trusted CAs; `None` keeps what was set before.
    verify_mode : int
        `VerifyMode` bits.  LEADTOOLS' default is NONE; ours is mutual authentication.
    verify_depth : int
        Longest chain: intermediate CAs between the peer's certificate and a trusted one.
    options : int
        `SslOption` bits.  NO_TLSV1_2 leaves TLS 1.3; the others ask for what is so anyway.  A bit
        that is not set takes nothing back.
    success : int
        Output: 0, or the `DicomErrorCode` with which `Initialize` has failed.
    """

    flags: int = SslContextFlag.ALL
    method_type: int = SslMethod.TLS
    ca_file: str | None = None
    verify_mode: int = VerifyMode.PEER | VerifyMode.FAIL_IF_NO_PEER_CERT
    verify_depth: int = 9
    options: int = 0
    success: int = DicomErrorCode.SUCCESS

    def applied_to(self, settings: TlsSettings) -> TlsSettings:
        """Give settings with what this structure says.

        Parameters
        ----------
        settings : TlsSettings
            What holds for the rest.

        Raises
        ------
        ParameterError
            A field cannot be: code 192 (`flags` or `method_type`), 193 (`verify_depth`), 194
            (`verify_mode`), 195 (`ca_file`) or 196 (`options`), also in `success`.
        """
        self.success = DicomErrorCode.SUCCESS
        try:
            return self._applied_to(settings)
        except ParameterError as error:
            self.success = error.code
            raise

    def _applied_to(self, settings: TlsSettings) -> TlsSettings:
        if self.flags & ~int(SslContextFlag.ALL):
            raise ParameterError(
                f"flags is {self.flags:#x}, but only the bits of 0x1F have a meaning.",
                DicomErrorCode.TLS_INVALID_CTX,
            )
        if self.flags & SslContextFlag.METHOD_TYPE:
            checked_method(self.method_type)
        if self.flags & SslContextFlag.VERIFY_DEPTH:
            settings = self._with_depth(settings)
        if self.flags & SslContextFlag.VERIFY_MODE:
            settings = self._with_mode(settings)
        if self.flags & SslContextFlag.CAFILE:
            settings = self._with_ca_file(settings)
        if self.flags & SslContextFlag.OPTIONS:
            settings = with_options(settings, self.options)
        return settings

    def _with_depth(self, settings: TlsSettings) -> TlsSettings:
        try:
            return replace(settings, verify_depth=self.verify_depth)
        except ParameterError as error:
            raise ParameterError(
                error.message, DicomErrorCode.TLS_INVALID_CTX_VERIFY_DEPTH
            ) from None

    def _with_mode(self, settings: TlsSettings) -> TlsSettings:
        code = DicomErrorCode.TLS_INVALID_CTX_VERIFY_MODE
        if self.verify_mode & ~int(VerifyMode.ALL):
            raise ParameterError(
                f"verify_mode is {self.verify_mode:#x}, but only PEER (1), FAIL_IF_NO_PEER_CERT "
                "(2) and CLIENT_ONCE (4) have a meaning.",
                code,
            )
        try:
            return replace(settings, verify=VerifyMode(self.verify_mode))
        except ParameterError as error:
            raise ParameterError(error.message, code) from None

    def _with_ca_file(self, settings: TlsSettings) -> TlsSettings:
        if self.ca_file is None:
            return settings  # what is needed and missing is said by Connect and Listen
        try:
            load_trusted(self.ca_file)
        except TlsError as error:
            raise ParameterError(error.message, DicomErrorCode.TLS_INVALID_CTX_CAFILE) from error
        return replace(settings, ca_file=self.ca_file)


def checked_method(method_type: int) -> SslMethod:
    """Give the `SslMethod` that a number stands for, if it can be spoken.

    Raises
    ------
    ParameterError
        It stands for none, or for versions that are broken (code 192).
    """
    if method_type not in _SPOKEN:
        known = method_type in list(SslMethod)
        reason = (
            f"{SslMethod(method_type).name} is broken (RFC 7568, RFC 8996)"
            if known
            else f"{method_type} is no SslMethod"
        )
        raise ParameterError(
            f"{reason}; take TLS (5), which is TLS 1.2 and 1.3.", DicomErrorCode.TLS_INVALID_CTX
        )
    return SslMethod(method_type)


def with_options(settings: TlsSettings, options: int) -> TlsSettings:
    """Give settings with LEADTOOLS' option bits applied.

    Parameters
    ----------
    settings : TlsSettings
        What holds for the rest.
    options : int
        `SslOption` bits.

    Raises
    ------
    ParameterError
        Bits without a name, or nothing left to speak (code 196).
    """
    code = DicomErrorCode.TLS_INVALID_CTX_OPTIONS
    unknown = options & ~int(_IDLE | SslOption.NO_TLSV1_2)
    if unknown:
        raise ParameterError(
            f"options has the bits {unknown:#x}, which no option of LEADTOOLS has. Numbers of "
            "today's OpenSSL mean other things; use the names in SslOption.",
            code,
        )
    lowest: Literal["TLSv1.2", "TLSv1.3"] | None = None
    if options & SslOption.NO_TLSV1_2:
        lowest = "TLSv1.3"
    elif options & (SslOption.NO_TLSV1 | SslOption.NO_TLSV1_1):
        lowest = "TLSv1.2"  # which every profile but old ones has anyway
    if lowest is None or settings.minimum_version == "TLSv1.3":
        return settings  # options only take away
    try:
        return replace(settings, minimum_version=lowest)
    except ParameterError as error:
        raise ParameterError(error.message, code) from None

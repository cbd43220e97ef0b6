"""Whom an end trusts: CA certificates, and the lists of those that were revoked (CRLs)."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TypeVar

from cryptography import x509
from OpenSSL import crypto

from leaddicom.error_codes import VerifyCode
from leaddicom.errors import DicomErrorCode, TlsError
from leaddicom.tls.files import (
    REEXPORT,
    certificate_error,
    found_instead,
    parse_certificates,
    read,
)
from leaddicom.tls.text import name_text, printable

__all__ = ["Paths", "RevocationList", "Revocations", "fill_store", "load_crls", "load_trusted"]

_log = logging.getLogger(__name__)

#: A file or a folder, or several of either.
Paths = str | os.PathLike[str] | tuple[str | os.PathLike[str], ...]

_PEM_CRL = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.DOTALL)
_PEM_CRL_BEGIN = b"-----BEGIN X509 CRL-----"
_PROVIDE = "Provide a current one, and reload."

_T = TypeVar("_T")


def load_trusted(paths: Paths) -> list[x509.Certificate]:
    """Load the certificates of trusted CAs.

    Parameters
    ----------
    paths : str, path-like, or tuple of them
        PEM files with one certificate or more, DER files with one, and folders of such files,
        whatever their names are.

    Raises
    ------
    TlsError
        With code CERTIFICATE_LOAD_FAILED: a file cannot be used, or a folder holds none that
        can.  Files of a folder that cannot be used are named in the log.
    """
    return list(dict.fromkeys(_load(paths, parse_certificates, certificate_error)))


def load_crls(paths: Paths) -> Revocations:
    """Load certificate revocation lists (RFC 5280 section 5).

    Of several lists of one issuer the newest counts, and no other: an older one does not know
    what was revoked since.  What is stale, or will be soon, is said in the log at WARNING: peers
    whose issuer has no current list are refused.

    Parameters
    ----------
    paths : str, path-like, or tuple of them
        PEM and DER files, and folders of such files, as for `load_trusted`.

    Raises
    ------
    TlsError
        With code CERTIFICATE_LOAD_FAILED, as for `load_trusted`; also for a list that is damaged,
        and for one that tells only a part (delta, indirect, or of some reasons), in a folder too:
        without it somebody who was revoked would be let in.
    """
    lists = _newest(_load(paths, _parse_crls, _crl_error))
    now = datetime.now(timezone.utc)
    for each in lists:
        if flaw := each.flaw(now):
            _log.warning("The revocation list of %s in %s %s. %s", *each.names, flaw, _PROVIDE)
    return Revocations(lists)


def fill_store(
    store: crypto.X509Store, ca_paths: Paths, crl_paths: Paths | None, *, leaf_only: bool
) -> Revocations:
    """Have a store trust some CAs, and ask for revocation lists if there are any.

    Parameters
    ----------
    store : OpenSSL.crypto.X509Store
        An empty one.
    ca_paths, crl_paths : str, path-like, or tuple of them
        As for `load_trusted` and `load_crls`.
    leaf_only : bool
        Whether lists are needed for the peer's own certificate only, rather than for its chain.

    Raises
    ------
    TlsError
        As `load_trusted` and `load_crls` do.
    """
    for trusted in load_trusted(ca_paths):
        store.add_cert(crypto.X509.from_cryptography(trusted))
    store.set_flags(crypto.X509StoreFlags.X509_STRICT)
    if crl_paths is None:
        return Revocations(())
    revocations = load_crls(crl_paths)
    for each in revocations.lists:
        store.add_crl(each.crl)
    store.set_flags(crypto.X509StoreFlags.CRL_CHECK)
    if not leaf_only:
        store.set_flags(crypto.X509StoreFlags.CRL_CHECK_ALL)
    return revocations


# ----------------------------------------------------------------- revocation lists


@dataclass(frozen=True, slots=True)
class RevocationList:
    """One certificate revocation list.

    Attributes
    ----------
    crl : cryptography.x509.CertificateRevocationList
        The list.
    path : str
        The file that it came from.
    """

    crl: x509.CertificateRevocationList
    path: str

    @property
    def names(self) -> tuple[str, str]:
        """Its issuer and its file, printable."""
        return name_text(self.crl.issuer), printable(self.path)

    def flaw(self, now: datetime) -> str | None:
        """Say what is, or soon will be, wrong with its dates; `None` if nothing is."""
        begin, end = self.crl.last_update_utc, self.crl.next_update_utc
        if now < begin:
            return f"is not valid before {_utc(begin)}; until then its issuer's peers are refused"
        if end is None:
            return "does not say when the next one is due, and will never count as stale"
        if now > end:
            return f"has expired on {_utc(end)}; its issuer's peers are refused"
        if (end - now) * _SOON < end - begin:
            return f"will expire soon, on {_utc(end)}; from then on its issuer's peers are refused"
        return None


@dataclass(frozen=True, slots=True)
class Revocations:
    """The revocation lists of an end.

    Attributes
    ----------
    lists : tuple of RevocationList
        In the order of their files.
    """

    lists: tuple[RevocationList, ...]

    def explain(self, code: int, certificate: x509.Certificate) -> str | None:
        """Say what a list has to do with a refusal.

        Parameters
        ----------
        code : int
            OpenSSL's number of the check that has failed.
        certificate : cryptography.x509.Certificate
            The one that was refused.

        Returns
        -------
        str or None
            The second half of a sentence about the certificate; `None` if the check is none of
            revocation, or there is no more to say about it.
        """
        issuer = name_text(certificate.issuer)
        own = [each for each in self.lists if each.crl.issuer == certificate.issuer]
        if code == VerifyCode.UNABLE_TO_GET_CRL:
            known = ", ".join(dict.fromkeys(each.names[0] for each in self.lists))
            return f"there is no revocation list of its issuer {issuer}, only of: {known}"
        if code == VerifyCode.CERT_REVOKED:
            return _revoked(own, certificate)
        if code not in _ABOUT_LISTS or not own:
            return None
        newest = max(own, key=lambda each: each.crl.last_update_utc)
        flaw = newest.flaw(datetime.now(timezone.utc)) if code in _ABOUT_DATES else None
        what = (flaw or _ABOUT_LISTS[code]).partition(";")[0]
        return f"the revocation list of its issuer {issuer} in {newest.names[1]} {what}"


def _newest(lists: Iterable[RevocationList]) -> tuple[RevocationList, ...]:
    """Give the newest list of each issuer's key and scope (RFC 5280 section 5.2.3)."""
    found: dict[object, RevocationList] = {}
    for each in lists:
        kinds = (x509.AuthorityKeyIdentifier, x509.IssuingDistributionPoint)
        key = (each.crl.issuer, *(_extension(each.crl, kind) for kind in kinds))
        if key not in found or _age(each) > _age(found[key]):
            found[key] = each
    return tuple(found.values())


def _age(each: RevocationList) -> tuple[int, datetime]:
    number = _extension(each.crl, x509.CRLNumber)
    return (-1 if number is None else number.crl_number, each.crl.last_update_utc)


_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


def _extension(crl: x509.CertificateRevocationList, kind: type[_Extension]) -> _Extension | None:
    try:
        return crl.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _partial(crl: x509.CertificateRevocationList) -> str | None:
    """Say why a list is none that OpenSSL consults for every certificate of its issuer."""
    if _extension(crl, x509.DeltaCRLIndicator) is not None:
        return "it is a delta list, which tells only what has changed"
    point = _extension(crl, x509.IssuingDistributionPoint)
    if point is not None and (point.indirect_crl or point.only_some_reasons):
        return "it is an indirect list, or one for some reasons only"
    return None


# LEADTOOLS' numbers of these checks are OpenSSL's.
_ABOUT_DATES = (VerifyCode.CRL_NOT_YET_VALID, VerifyCode.CRL_HAS_EXPIRED)
_ABOUT_LISTS: dict[int, str] = {
    VerifyCode.CRL_SIGNATURE_FAILURE: "has a wrong signature",
    VerifyCode.CRL_NOT_YET_VALID: "is not yet valid",
    VerifyCode.CRL_HAS_EXPIRED: "has expired",
    VerifyCode.KEYUSAGE_NO_CRL_SIGN: "was signed by a CA whose key usage lacks cRLSign",
    VerifyCode.UNHANDLED_CRITICAL_CRL_EXTENSION: "has a critical extension that is not known",
    VerifyCode.DIFFERENT_CRL_SCOPE: "is for other certificates than this one",
}

# A list is to be replaced when less than this part of its time is left.
_SOON = 10


def _revoked(lists: Iterable[RevocationList], certificate: x509.Certificate) -> str | None:
    serial = certificate.serial_number
    for each in lists:
        entry = each.crl.get_revoked_certificate_by_serial_number(serial)
        if entry is not None:
            return (
                f"it was revoked on {_utc(entry.revocation_date_utc)}, {_reason(entry)} "
                f"(serial number {serial:X}, in the list {each.names[1]})"
            )
    return None


def _reason(entry: x509.RevokedCertificate) -> str:
    """Give the reason code (RFC 5280 section 5.3.1)."""
    try:
        found = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except Exception:  # noqa: BLE001 - absent, or garbled
        return "without a reason being given"
    return f"for the reason {found.value}"


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


# --------------------------------------------------------------------------- files


def _load(
    paths: Paths,
    parse: Callable[[str, bytes], Sequence[_T]],
    failure: Callable[[str, str, str], TlsError],
) -> Iterator[_T]:
    given = (paths,) if isinstance(paths, (str, os.PathLike)) else paths
    for path in [os.fspath(each) for each in given]:
        if os.path.isdir(path):
            yield from _load_folder(path, parse, failure)
        else:
            yield from parse(path, read(path, failure))


def _load_folder(
    folder: str,
    parse: Callable[[str, bytes], Sequence[_T]],
    failure: Callable[[str, str, str], TlsError],
) -> list[_T]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        advice = "Check the rights on the folder."
        raise failure(folder, error.strerror or str(error), advice) from error
    found: list[_T] = []
    for path in (os.path.join(folder, name) for name in names):
        if os.path.isdir(path):
            continue
        data = b""
        try:
            data = read(path, failure)
            found += parse(path, data)
        except TlsError as error:
            if parse is _parse_crls and _is_list(path, data):
                raise  # an older list would take its place
            _log.warning("Passed over in %s: %s", printable(folder), error)
    if not found:
        reason = "it is a folder, and no file in it can be used"
        raise failure(folder, reason, "Check that it is the right one.")
    return found


def _parse_crls(path: str, data: bytes) -> list[RevocationList]:
    blocks = _PEM_CRL.findall(data)
    try:
        crls = [x509.load_pem_x509_crl(each) for each in blocks] or [x509.load_der_x509_crl(data)]
        flaws = [flaw for flaw in map(_partial, crls) if flaw is not None]
    except Exception as error:  # cryptography's parsers raise many kinds
        if blocks:
            reason = f"a list in it is damaged ({printable(str(error))})"
            raise _crl_error(path, reason, REEXPORT) from error
        reason = f"it holds no revocation list, but {found_instead(data)}"
        raise _crl_error(path, reason, "Check that it is the right file.") from error
    if flaws:
        raise _crl_error(path, flaws[0], "Provide complete lists only.")
    return [RevocationList(crl, path) for crl in crls]


def _is_list(path: str, data: bytes) -> bool:
    """Tell whether a file is a revocation list, or means to be one."""
    if _PEM_CRL_BEGIN in data or path.lower().endswith(".crl"):
        return True
    try:
        x509.load_der_x509_crl(data)
    except ValueError:
        return False
    return True


def _crl_error(path: str, reason: str, advice: str) -> TlsError:
    return TlsError(
        DicomErrorCode.CERTIFICATE_LOAD_FAILED,
        f"The revocation list {printable(path)} cannot be used: {reason}. {advice}",
        stage="certificate",
    )

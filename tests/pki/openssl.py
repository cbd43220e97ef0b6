"""What OpenSSL says of a certificate, at a time of the test's choice."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from cryptography import x509
from OpenSSL import crypto
from OpenSSL.crypto import X509StoreFlags

#: When the tests take place.
NOW = datetime(2031, 3, 4, 5, 6, 7, tzinfo=timezone.utc)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def complaint(
    certificate: x509.Certificate,
    ca: x509.Certificate,
    crl: x509.CertificateRevocationList | None = None,
    at: datetime = NOW,
    flags: int = X509StoreFlags.X509_STRICT,
) -> str:
    """Return why OpenSSL refuses a certificate, empty if it does not."""
    store = crypto.X509Store()
    store.add_cert(crypto.X509.from_cryptography(ca))
    # Naive times are UTC there.
    store.set_time(at.replace(tzinfo=None))
    if crl is not None:
        flags |= X509StoreFlags.CRL_CHECK | X509StoreFlags.CRL_CHECK_ALL
        store.add_crl(crl)
    store.set_flags(flags)
    context = crypto.X509StoreContext(store, crypto.X509.from_cryptography(certificate))
    try:
        context.verify_certificate()
    except crypto.X509StoreContextError as error:
        return str(error)
    return ""

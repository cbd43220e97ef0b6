"""Reports as documents for programs (JSON).  Their form is described in the documentation.

A member is never renamed and never changes its meaning without a new `VERSION`; new ones may come.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from leaddicom.doctor.catalog import group_name, suite_name, version_name
from leaddicom.doctor.certificates import (
    alternative_names,
    days_left,
    hash_name,
    key_name,
    purpose_names,
)
from leaddicom.doctor.facts import Echo, Handshake, LinkFacts
from leaddicom.doctor.files import FileFacts
from leaddicom.doctor.findings import Report
from leaddicom.doctor.scan import Scan
from leaddicom.pki import serial_text
from leaddicom.tls.text import name_text, printable

__all__ = ["VERSION", "file_document", "link_document"]

#: Of the documents' form.
VERSION = 1

_Document = dict[str, Any]


def link_document(facts: LinkFacts, report: Report, now: datetime) -> _Document:
    """Give the document of a link."""
    target = facts.target
    handshake, scan = facts.handshake, facts.scan
    echo = facts.plain_echo if target.plain else facts.echo
    return {
        **_head("link", report),
        "peer": {"host": target.host, "port": target.port, "ae_title": target.called_ae_title},
        "ae_title": target.calling_ae_title,
        "plain": target.plain,
        "speaks": None if facts.speech is None else facts.speech.name.lower(),
        "connections": facts.connections,
        "echo_seconds": None if echo is None else echo.seconds,
        "tls": None if handshake is None else _tls(handshake, facts.anonymous, scan),
        "certificates": [_certificate(each, now) for each in handshake.chain] if handshake else [],
    }


def file_document(facts: FileFacts, report: Report, now: datetime) -> _Document:
    """Give the document of a file."""
    return {
        **_head("file", report),
        "file": facts.path,
        "encoding": facts.encoding or None,
        "contents": facts.contents,
        "key_fits": facts.key_fits,
        "certificates": [_certificate(each, now) for each in facts.certificates],
    }


def _head(kind: str, report: Report) -> _Document:
    return {
        "version": VERSION,
        "kind": kind,
        "usable": report.usable,
        "verdict": report.verdict,
        "findings": [
            {
                "check": each.check,
                "severity": each.severity.value,
                "what": each.what,
                "advice": each.advice,
            }
            for each in report.findings
        ],
        "profiles": [
            {
                "section": each.section,
                "name": each.name,
                "conforms": each.conforms,
                "lacks": list(each.lacks),
            }
            for each in report.judgements
        ],
    }


def _tls(handshake: Handshake, anonymous: Echo | None, scan: Scan | None) -> _Document:
    return {
        "negotiated": {
            "version": handshake.tls_version,
            "suite": handshake.cipher_name,
            "group": handshake.group,
            "alpn": handshake.alpn,
        },
        "asks_certificate": handshake.asks_certificate,
        "works_without_certificate": None if anonymous is None else anonymous.answered,
        "trusted_cas": list(handshake.trusted_cas),
        **({} if scan is None else _scan(scan)),
    }


def _scan(scan: Scan) -> _Document:
    return {
        "versions": _by_version(scan.versions),
        "suites": {
            version_name(version): [suite_name(each) for each in suites]
            for version, suites in scan.suites.items()
        },
        "own_order": _by_version(scan.own_order),
        "other_suites": {
            kind.name.lower(): None if found is None else suite_name(found)
            for kind, found in scan.others.items()
        },
        "groups": [group_name(each) for each in scan.groups],
        "dh_bits": scan.dh_bits,
        "compression": scan.compression,
        "complete": scan.stopped is None,
    }


def _by_version(values: Mapping[int, bool | None] | Mapping[int, bool]) -> dict[str, bool | None]:
    return {version_name(version): value for version, value in values.items()}


def _certificate(certificate: x509.Certificate, now: datetime) -> _Document:
    usages = purpose_names(certificate)
    return {
        "subject": name_text(certificate.subject),
        "issuer": name_text(certificate.issuer),
        "serial": serial_text(certificate.serial_number),
        "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
        "key": key_name(certificate),
        "hash": hash_name(certificate),
        "names": [printable(each) for each in alternative_names(certificate)],
        "purposes": None if usages is None else list(usages),
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "days_left": days_left(certificate, now),
    }

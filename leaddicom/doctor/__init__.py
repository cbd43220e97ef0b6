"""The examination of links and of certificates, behind the command ``leaddicom doctor``.

Observing and judging are apart: `observe` and `observe_files` do all input and output and give
plain facts, `diagnose_link` and `diagnose_files` are functions of those.
"""

from leaddicom.doctor.diagnosis import diagnose_link
from leaddicom.doctor.facts import LinkFacts, Target
from leaddicom.doctor.files import FileFacts, diagnose_files, observe_files
from leaddicom.doctor.findings import Finding, Judgement, Report, Severity
from leaddicom.doctor.link import MAXIMUM_CONNECTIONS, observe

__all__ = [
    "MAXIMUM_CONNECTIONS",
    "FileFacts",
    "Finding",
    "Judgement",
    "LinkFacts",
    "Report",
    "Severity",
    "Target",
    "diagnose_files",
    "diagnose_link",
    "observe",
    "observe_files",
]

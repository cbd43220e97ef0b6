"""A process that claims workitems, for `test_claims`: it imports nothing of the tests."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from leaddicom import Scu, supported

PUSH, PULL = "1.2.840.10008.5.1.4.34.6.1", "1.2.840.10008.5.1.4.34.6.3"


def claim_all(
    port: int, tls: dict[str, Any], uids: list[str], together: Any, results: Any, patience: float
) -> None:
    """Try to claim each workitem; tell which were granted, and how often each status came."""
    statuses: Counter[int] = Counter()
    granted = {}
    with Scu("localhost", port, **tls) as scu:
        scu.associate(supported([PULL]))
        together.wait(patience)
        for uid in uids:
            information = Dataset()
            information.ProcedureStepState = "IN PROGRESS"
            information.TransactionUID = generate_uid()
            result = scu.n_action(PUSH, uid, 1, information, abstract_syntax=PULL)
            statuses[result.status] += 1
            if result.status == 0x0000:
                granted[uid] = str(information.TransactionUID)
    results.put((granted, statuses))

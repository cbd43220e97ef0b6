"""Workitems of radiotherapy treatments, as IHE-RO Treatment Delivery Workflow-II wants them.

They fit the profile ``"tdw-ii"``, see `leaddicom.ups.profiles`, and share its reservation: the
rules are second-hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from leaddicom.ups.client.builders import CodeLike, Moment, content_item, workitem

__all__ = ["TREATMENT", "beam_number", "treatment"]

#: What kind of work it is: a scheduled and a performed workitem code.
TREATMENT = Code("121726", "DCM", "RT Treatment with Internal Verification")

_DELIVERY_TYPE = Code("121740", "DCM", "Treatment Delivery Type")
_PLAN_LABEL = Code("2018001", "99IHERO2018", "Plan Label")
_FRACTION = Code("2018002", "99IHERO2018", "Current Fraction Number")
_FRACTIONS = Code("2018003", "99IHERO2018", "Number of Fractions Planned")
_BEAM = Code("2018004", "99IHERO2018", "Referenced Beam Number")


def treatment(
    start: Moment,
    *,
    machine: CodeLike,
    patient_id: str,
    patient_name: str,
    study_uid: str,
    plan: Dataset,
    instruction: Dataset,
    plan_label: str,
    fraction: int,
    fractions: int,
    records: Iterable[Dataset] = (),
    label: str = "RT treatment",
    **more: Any,
) -> Dataset:
    """Make a workitem of a treatment.

    Parameters
    ----------
    start : datetime or str
        When.
    machine : Code or tuple of str
        Where; its value is the machine's name in the plan.
    patient_id, patient_name : str
        Of whom.
    study_uid : str
        Study Instance UID of the treatment records that will be made.
    plan, instruction : pydicom.dataset.Dataset
        RT (Ion) Plan and RT Beams Delivery Instruction, see `instances`.
    plan_label : str
        RT Plan Label of the plan.
    fraction, fractions : int
        Which fraction it is, and of how many.
    records : iterable of pydicom.dataset.Dataset
        Treatment records of an interrupted treatment that it continues.
    label : str
        What is to be done, for people.
    **more
        Whatever else `workitem` takes.

    Examples
    --------
    >>> from datetime import datetime, timezone
    >>> from pydicom.uid import RTBeamsDeliveryInstructionStorage, RTPlanStorage
    >>> from leaddicom.ups.client import instances, treatment
    >>> plan = [(RTPlanStorage, "2.25.3")]
    >>> instruction = [(RTBeamsDeliveryInstructionStorage, "2.25.6")]
    >>> dataset = treatment(
    ...     datetime(2030, 1, 31, 9, 30, tzinfo=timezone.utc),
    ...     machine=("LINAC1", "99SITE", "Linac 1"),
    ...     patient_id="SYNTHETIC1",
    ...     patient_name="Example^Anna",
    ...     study_uid="2.25.7",
    ...     plan=instances("2.25.1", "2.25.2", plan, retrieve_ae="OST"),
    ...     instruction=instances("2.25.4", "2.25.5", instruction, retrieve_ae="TMS"),
    ...     plan_label="PROSTATE",
    ...     fraction=3,
    ...     fractions=30,
    ... )
    """
    earlier = list(records)
    parameters = [
        content_item(_DELIVERY_TYPE, "CONTINUATION" if earlier else "TREATMENT"),
        content_item(_PLAN_LABEL, plan_label),
        content_item(_FRACTION, fraction),
        content_item(_FRACTIONS, fractions),
    ]
    return workitem(
        label,
        start,
        patient_id=patient_id,
        patient_name=patient_name,
        study_uid=study_uid,
        stations=[machine],
        codes=[TREATMENT],
        parameters=parameters,
        inputs=[plan, instruction, *earlier],
        **more,
    )


def beam_number(number: int) -> Dataset:
    """Make the parameter of a progress update that tells which beam is being delivered.

    Examples
    --------
    >>> from leaddicom.ups.client import UpsScu, beam_number
    >>> tls = {"ca_file": "ca.pem", "certificate": "me.pem", "key": "me.key"}
    >>> with UpsScu("manager", 2762, **tls) as ups:
    ...     for held in ups.held():
    ...         ups.progress(held.uid, 25, parameters=[beam_number(1)]).check()
    """
    return content_item(_BEAM, number)

"""SOP classes that may be named on a presentation context of another one."""

from __future__ import annotations

import pytest
from pynetdicom import sop_class as theirs

from leaddicom.dimse.sop_classes import belongs

UPS = (
    theirs.UnifiedProcedureStepPush,
    theirs.UnifiedProcedureStepWatch,
    theirs.UnifiedProcedureStepPull,
    theirs.UnifiedProcedureStepEvent,
    theirs.UnifiedProcedureStepQuery,
)
FILM = (theirs.BasicFilmSession, theirs.BasicFilmBox, theirs.Printer)
ALLOWED = [
    *((film, theirs.BasicGrayscalePrintManagementMeta) for film in FILM),
    *((film, theirs.BasicColorPrintManagementMeta) for film in FILM),
    (theirs.BasicGrayscaleImageBox, theirs.BasicGrayscalePrintManagementMeta),
    (theirs.BasicColorImageBox, theirs.BasicColorPrintManagementMeta),
    (theirs.ModalityPerformedProcedureStep, theirs.ModalityPerformedProcedureStepRetrieve),
    (theirs.ModalityPerformedProcedureStep, theirs.ModalityPerformedProcedureStepNotification),
]


@pytest.mark.parametrize(("sop_class", "context"), ALLOWED)
def test_some_service_classes_negotiate_one_for_another(sop_class: str, context: str) -> None:
    assert belongs(str(sop_class), str(context))
    assert not belongs(str(context), str(sop_class))


@pytest.mark.parametrize("sop_class", [*UPS, theirs.CTImageStorage])
@pytest.mark.parametrize("context", UPS)
def test_a_worklist_manager_judges_itself_which_class_is_named(
    sop_class: str, context: str
) -> None:
    assert belongs(str(sop_class), str(context))


@pytest.mark.parametrize("uid", [theirs.Verification, theirs.CTImageStorage, UPS[0], "1.2.3"])
def test_every_class_belongs_to_itself(uid: str) -> None:
    assert belongs(str(uid), str(uid))


@pytest.mark.parametrize(
    ("sop_class", "context"),
    [
        (theirs.CTImageStorage, theirs.MRImageStorage),
        (theirs.CTImageStorage, theirs.Verification),
        (theirs.UnifiedProcedureStepPush, theirs.Verification),
        (theirs.BasicColorImageBox, theirs.BasicGrayscalePrintManagementMeta),
        ("", theirs.Verification),
    ],
)
def test_nothing_else_belongs(sop_class: str, context: str) -> None:
    assert not belongs(str(sop_class), str(context))

"""Presentation contexts that applications commonly support or propose."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from pynetdicom import sop_class
from pynetdicom.presentation import AllStoragePresentationContexts

from leaddicom.upper_layer.negotiation import SupportedContext

__all__ = [
    "COMMON_STORAGE",
    "MODALITY_WORKLIST",
    "PATIENT_ROOT",
    "STORAGE",
    "STUDY_ROOT",
    "TRANSFER_SYNTAXES",
    "UNCOMPRESSED",
    "VERIFICATION",
    "QueryModel",
    "supported",
]

#: The transfer syntaxes that every DICOM product knows, the mandatory one (PS3.5 section 10.1)
#: last, because peers prefer what comes first.
UNCOMPRESSED: tuple[str, ...] = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))

#: The transfer syntaxes in which images are commonly kept.  A receiver that stores data sets as
#: they come can support all of them, whether it can decode them or not.
TRANSFER_SYNTAXES: tuple[str, ...] = (
    *UNCOMPRESSED,
    *map(
        str,
        (
            DeflatedExplicitVRLittleEndian,
            ExplicitVRBigEndian,
            JPEGBaseline8Bit,
            JPEGExtended12Bit,
            JPEGLossless,
            JPEGLosslessSV1,
            JPEGLSLossless,
            JPEGLSNearLossless,
            JPEG2000Lossless,
            JPEG2000,
            RLELossless,
        ),
    ),
)


def supported(
    sop_classes: Iterable[str], transfer_syntaxes: Iterable[str] = UNCOMPRESSED
) -> tuple[SupportedContext, ...]:
    """Give what an acceptor supports: every SOP class in any of the transfer syntaxes.

    Parameters
    ----------
    sop_classes, transfer_syntaxes : iterable of str
        UIDs.
    """
    syntaxes = tuple(map(str, transfer_syntaxes))
    return tuple(SupportedContext(str(uid), syntaxes) for uid in sop_classes)


#: The Verification SOP class (PS3.4 Annex A).
VERIFICATION: tuple[SupportedContext, ...] = supported(["1.2.840.10008.1.1"])

#: Every storage SOP class that pynetdicom's tables know, in all of `TRANSFER_SYNTAXES`.
STORAGE: tuple[SupportedContext, ...] = supported(
    [str(context.abstract_syntax) for context in AllStoragePresentationContexts],
    TRANSFER_SYNTAXES,
)

#: The storage SOP classes that make up most archives: as many as can be offered at a time for
#: C-GET, in two presentation contexts each.
COMMON_STORAGE: tuple[str, ...] = tuple(
    str(getattr(sop_class, name))
    for name in (
        "ComputedRadiographyImageStorage",
        "DigitalXRayImageStorageForPresentation",
        "DigitalXRayImageStorageForProcessing",
        "DigitalMammographyXRayImageStorageForPresentation",
        "DigitalMammographyXRayImageStorageForProcessing",
        "DigitalIntraOralXRayImageStorageForPresentation",
        "BreastTomosynthesisImageStorage",
        "CTImageStorage",
        "EnhancedCTImageStorage",
        "MRImageStorage",
        "EnhancedMRImageStorage",
        "MRSpectroscopyStorage",
        "NuclearMedicineImageStorage",
        "PositronEmissionTomographyImageStorage",
        "EnhancedPETImageStorage",
        "UltrasoundImageStorage",
        "UltrasoundMultiFrameImageStorage",
        "EnhancedUSVolumeStorage",
        "SecondaryCaptureImageStorage",
        "MultiFrameSingleBitSecondaryCaptureImageStorage",
        "MultiFrameGrayscaleByteSecondaryCaptureImageStorage",
        "MultiFrameGrayscaleWordSecondaryCaptureImageStorage",
        "MultiFrameTrueColorSecondaryCaptureImageStorage",
        "XRayAngiographicImageStorage",
        "EnhancedXAImageStorage",
        "XRayRadiofluoroscopicImageStorage",
        "EnhancedXRFImageStorage",
        "XRay3DAngiographicImageStorage",
        "VLEndoscopicImageStorage",
        "VideoEndoscopicImageStorage",
        "VLMicroscopicImageStorage",
        "VLPhotographicImageStorage",
        "VideoPhotographicImageStorage",
        "VLWholeSlideMicroscopyImageStorage",
        "OphthalmicPhotography8BitImageStorage",
        "OphthalmicPhotography16BitImageStorage",
        "OphthalmicTomographyImageStorage",
        "GrayscaleSoftcopyPresentationStateStorage",
        "ColorSoftcopyPresentationStateStorage",
        "BasicTextSRStorage",
        "EnhancedSRStorage",
        "ComprehensiveSRStorage",
        "Comprehensive3DSRStorage",
        "MammographyCADSRStorage",
        "KeyObjectSelectionDocumentStorage",
        "XRayRadiationDoseSRStorage",
        "RadiopharmaceuticalRadiationDoseSRStorage",
        "EncapsulatedPDFStorage",
        "EncapsulatedCDAStorage",
        "RTImageStorage",
        "RTDoseStorage",
        "RTStructureSetStorage",
        "RTPlanStorage",
        "RTIonPlanStorage",
        "RTBeamsTreatmentRecordStorage",
        "SpatialRegistrationStorage",
        "DeformableSpatialRegistrationStorage",
        "SegmentationStorage",
        "RealWorldValueMappingStorage",
        "TwelveLeadECGWaveformStorage",
        "GeneralECGWaveformStorage",
        "RawDataStorage",
    )
)


@dataclass(frozen=True, slots=True)
class QueryModel:
    """The SOP classes of an information model that can be queried (PS3.4 sections C.3 and K.4).

    Attributes
    ----------
    find, move, get : str
        UIDs of the SOP classes for C-FIND, C-MOVE and C-GET; "" where the model has none.
    """

    find: str
    move: str = ""
    get: str = ""


def _model(root: str) -> QueryModel:
    names = (f"{root}QueryRetrieveInformationModel{service}" for service in ("Find", "Move", "Get"))
    return QueryModel(*(str(getattr(sop_class, name)) for name in names))


#: Patient Root Query/Retrieve Information Model (PS3.4 section C.3.1).
PATIENT_ROOT: QueryModel = _model("PatientRoot")

#: Study Root Query/Retrieve Information Model (PS3.4 section C.3.2).
STUDY_ROOT: QueryModel = _model("StudyRoot")

#: Modality Worklist Information Model (PS3.4 Annex K), which can only be queried.
MODALITY_WORKLIST = QueryModel(str(sop_class.ModalityWorklistInformationFind))  # type: ignore[attr-defined]

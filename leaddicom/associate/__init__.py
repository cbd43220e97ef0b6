"""`LDicomAssociate`: LEADTOOLS' face of the A-ASSOCIATE-RQ and -AC."""

from leaddicom.associate.associate import LDicomAssociate

__all__ = ["LDicomAssociate"]

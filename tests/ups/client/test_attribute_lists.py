"""What leaves in a request: allowed attributes, in the VRs of the data dictionary."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from leaddicom import ParameterError
from leaddicom.ups.client.attribute_lists import checked, creation_list, modification_list
from leaddicom.ups.client.builders import workitem
from leaddicom.ups.core.attributes import ATTRIBUTES

FORBIDDEN = [each for each in ATTRIBUTES if each.n_set == "NA"]


def data_set(**elements: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


class TestCreationList:
    def test_is_a_copy(self) -> None:
        step = workitem("Plan review", "2030")
        made = creation_list(step)
        made.ProcedureStepLabel = "Changed"
        assert step.ProcedureStepLabel == "Plan review"

    def test_leaves_out_what_the_manager_sets(self) -> None:
        step = workitem("Plan review", "2030")
        step.SOPClassUID, step.SOPInstanceUID = "1.2", "1.3"
        step.ScheduledProcedureStepModificationDateTime = "2029"
        left = {each.keyword for each in creation_list(step)}
        assert left == {each.keyword for each in workitem("Plan review", "2030")}

    def test_is_scheduled(self) -> None:
        step = workitem("Plan review", "2030")
        del step.ProcedureStepState
        assert creation_list(step).ProcedureStepState == "SCHEDULED"

    def test_names_all_that_is_missing(self) -> None:
        with pytest.raises(ParameterError) as caught:
            creation_list(Dataset())
        assert str(caught.value) == (
            "A workitem needs a value of ScheduledProcedureStepPriority, "
            "ScheduledProcedureStepStartDateTime, InputReadinessState and ProcedureStepLabel."
        )

    def test_keeps_private_and_unknown_attributes(self) -> None:
        step = workitem("Plan review", "2030")
        step.private_block(0x0099, "TEST", create=True).add_new(1, "LO", "mine")
        step.add_new(0x00740FFF, "LO", "newer than the dictionary")
        made = creation_list(step)
        assert made[0x00991001].value == "mine"
        assert 0x00740FFF in made


class TestModificationList:
    @pytest.mark.parametrize("attribute", FORBIDDEN, ids=lambda each: each.keyword)
    def test_has_nothing_that_is_not_allowed(self, attribute: Any) -> None:
        changes = Dataset()
        value = [] if attribute.vr == "SQ" else None
        changes.add_new(attribute.tag, attribute.vr, value)
        with pytest.raises(ParameterError, match=f"^{attribute.keyword} cannot be modified"):
            modification_list(changes)

    def test_has_the_transaction_uid_that_is_given_and_no_other(self) -> None:
        changes = data_set(TransactionUID="1.2", ProcedureStepLabel="x")
        assert "TransactionUID" not in modification_list(changes)
        assert modification_list(changes, "1.3").TransactionUID == "1.3"

    def test_has_no_command_or_file_meta_elements(self) -> None:
        changes = data_set(ProcedureStepLabel="x", MessageID=1)
        changes.add_new(0x00020010, "UI", "1.2")
        assert [each.keyword for each in modification_list(changes)] == ["ProcedureStepLabel"]


class TestValueRepresentations:
    @pytest.mark.parametrize("where", ["top", "item"])
    def test_are_the_dictionarys(self, where: str) -> None:
        wrong = Dataset()
        wrong.add(DataElement(Tag("ProcedureStepState"), "SH", "SCHEDULED"))
        dataset = data_set(ScheduledWorkitemCodeSequence=[wrong]) if where == "item" else wrong
        made = checked(dataset)
        item = made.ScheduledWorkitemCodeSequence[0] if where == "item" else made
        assert (item["ProcedureStepState"].VR, item.ProcedureStepState) == ("CS", "SCHEDULED")
        assert wrong["ProcedureStepState"].VR == "SH"

    def test_that_do_not_fit_are_refused(self) -> None:
        dataset = Dataset()
        dataset.add_new("ProcedureStepProgress", "FD", 50.0)
        with pytest.raises(ParameterError, match=r"ProcedureStepProgress has .* FD, but is DS"):
            checked(dataset)

    def test_may_be_one_of_several(self) -> None:
        dataset = Dataset()
        dataset.add_new("PixelPaddingValue", "SS", -1)  # US or SS
        assert checked(dataset) == dataset

    def test_of_values_that_cannot_be_read_are_refused(self) -> None:
        dataset, tag = Dataset(), Tag("PregnancyStatus")
        dataset[tag] = RawDataElement(tag, "US", 3, b"abc", 0, False, True)
        with pytest.raises(ParameterError, match=r"^PregnancyStatus cannot be read\.$"):
            checked(dataset)


class TestCharacterSet:
    def test_is_said_where_it_is_needed(self) -> None:
        item = data_set(HumanPerformerName="Müller^Ömer")
        made = checked(data_set(ScheduledHumanPerformersSequence=[item]))
        assert made.SpecificCharacterSet == "ISO_IR 192"

    def test_is_left_out_where_it_is_not(self) -> None:
        assert "SpecificCharacterSet" not in checked(data_set(PatientID="x"))

    def test_is_kept_where_it_suffices(self) -> None:
        dataset = data_set(SpecificCharacterSet="ISO_IR 100", PatientName="Müller")
        assert checked(dataset).SpecificCharacterSet == "ISO_IR 100"

    def test_is_replaced_where_it_does_not(self) -> None:
        dataset = Dataset()
        dataset.SpecificCharacterSet = "ISO_IR 100"
        name = DataElement(Tag("PatientName"), "PN", "山田", validation_mode=IGNORE)
        dataset.add(name)
        assert checked(dataset).SpecificCharacterSet == "ISO_IR 192"

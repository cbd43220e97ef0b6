"""The table of messages against PS3.7 and against pynetdicom's."""

from __future__ import annotations

import pydicom._dicom_dict
import pydicom.datadict
import pynetdicom.dimse_messages
import pytest

from leaddicom.dimse import messages
from leaddicom.dimse.messages import (
    COMMAND_ELEMENTS,
    MESSAGE_TYPES,
    CommandElement,
    DataSetPresence,
    MessageType,
)

# PS3.7 section E.1, Command Field (0000,0100).
COMMAND_FIELDS = {
    0x0001: "C-STORE-RQ",
    0x8001: "C-STORE-RSP",
    0x0010: "C-GET-RQ",
    0x8010: "C-GET-RSP",
    0x0020: "C-FIND-RQ",
    0x8020: "C-FIND-RSP",
    0x0021: "C-MOVE-RQ",
    0x8021: "C-MOVE-RSP",
    0x0030: "C-ECHO-RQ",
    0x8030: "C-ECHO-RSP",
    0x0FFF: "C-CANCEL-RQ",
    0x0100: "N-EVENT-REPORT-RQ",
    0x8100: "N-EVENT-REPORT-RSP",
    0x0110: "N-GET-RQ",
    0x8110: "N-GET-RSP",
    0x0120: "N-SET-RQ",
    0x8120: "N-SET-RSP",
    0x0130: "N-ACTION-RQ",
    0x8130: "N-ACTION-RSP",
    0x0140: "N-CREATE-RQ",
    0x8140: "N-CREATE-RSP",
    0x0150: "N-DELETE-RQ",
    0x8150: "N-DELETE-RSP",
}

# LDicomNet's parameters after the presentation ID, without the data set.
ARGUMENTS = {
    "C-STORE-RQ": "message_id sop_class_uid sop_instance_uid priority move_ae move_message_id",
    "C-STORE-RSP": "message_id sop_class_uid sop_instance_uid status",
    "C-FIND-RQ": "message_id sop_class_uid priority",
    "C-FIND-RSP": "message_id sop_class_uid status",
    "C-GET-RQ": "message_id sop_class_uid priority",
    "C-GET-RSP": "message_id sop_class_uid status remaining completed failed warning",
    "C-MOVE-RQ": "message_id sop_class_uid priority move_ae",
    "C-MOVE-RSP": "message_id sop_class_uid status remaining completed failed warning",
    "C-CANCEL-RQ": "message_id",
    "C-ECHO-RQ": "message_id sop_class_uid",
    "C-ECHO-RSP": "message_id sop_class_uid status",
    "N-EVENT-REPORT-RQ": "message_id sop_class_uid sop_instance_uid event",
    "N-EVENT-REPORT-RSP": "message_id sop_class_uid sop_instance_uid status event",
    "N-GET-RQ": "message_id sop_class_uid sop_instance_uid attributes",
    "N-GET-RSP": "message_id sop_class_uid sop_instance_uid status",
    "N-SET-RQ": "message_id sop_class_uid sop_instance_uid",
    "N-SET-RSP": "message_id sop_class_uid sop_instance_uid status",
    "N-ACTION-RQ": "message_id sop_class_uid sop_instance_uid action",
    "N-ACTION-RSP": "message_id sop_class_uid sop_instance_uid status action",
    "N-CREATE-RQ": "message_id sop_class_uid sop_instance_uid",
    "N-CREATE-RSP": "message_id sop_class_uid sop_instance_uid status",
    "N-DELETE-RQ": "message_id sop_class_uid sop_instance_uid",
    "N-DELETE-RSP": "message_id sop_class_uid sop_instance_uid status",
}

# PS3.7 Tables 9.1-1 to 9.1-5 and 10.1-1 to 10.1-6: what is U or C in a request.
OPTIONAL_IN_REQUESTS = {
    "C-STORE-RQ": {"move_ae", "move_message_id"},
    "N-GET-RQ": {"attributes"},
    "N-CREATE-RQ": {"sop_instance_uid"},
}

# The same tables: Data Set, Identifier, Event Information and so on.
DATA_SETS = {
    DataSetPresence.REQUIRED: "C-STORE-RQ C-FIND-RQ C-GET-RQ C-MOVE-RQ N-SET-RQ",
    DataSetPresence.OPTIONAL: (
        "C-FIND-RSP C-GET-RSP C-MOVE-RSP N-EVENT-REPORT-RQ N-EVENT-REPORT-RSP N-GET-RSP "
        "N-SET-RSP N-ACTION-RQ N-ACTION-RSP N-CREATE-RQ N-CREATE-RSP"
    ),
    DataSetPresence.ABSENT: (
        "C-STORE-RSP C-ECHO-RQ C-ECHO-RSP C-CANCEL-RQ N-GET-RQ N-DELETE-RQ N-DELETE-RSP"
    ),
}

IN_EVERY_COMMAND = {"CommandGroupLength", "CommandField", "CommandDataSetType"}
# PS3.7 Annex C: they come with a status and belong to no service.
STATUS_RELATED = {"OffendingElement", "ErrorComment", "ErrorID"}

each_type = pytest.mark.parametrize(
    "message_type", MESSAGE_TYPES.values(), ids=lambda message_type: message_type.name
)


def test_the_command_fields_are_those_of_the_standard() -> None:
    assert {field: item.name for field, item in MESSAGE_TYPES.items()} == COMMAND_FIELDS


@each_type
def test_a_type_stands_in_the_table_under_its_own_field(message_type: MessageType) -> None:
    assert MESSAGE_TYPES[message_type.command_field] is message_type
    assert getattr(messages, message_type.name.replace("-", "_")) is message_type


@each_type
def test_the_parameters_are_in_the_order_of_ldicomnet(message_type: MessageType) -> None:
    names = [parameter.name for parameter in message_type.parameters]
    assert names == ARGUMENTS[message_type.name].split()


@each_type
def test_the_mandatory_parameters_are_those_of_the_standard(message_type: MessageType) -> None:
    required = {parameter.name for parameter in message_type.parameters if parameter.required}
    if message_type.is_response:
        assert required == {"message_id", "status"}
    else:
        optional = OPTIONAL_IN_REQUESTS.get(message_type.name, set())
        assert required == set(ARGUMENTS[message_type.name].split()) - optional


@each_type
def test_the_data_set_is_there_as_the_standard_says(message_type: MessageType) -> None:
    assert message_type.name in DATA_SETS[message_type.dataset].split()


@each_type
def test_the_elements_are_those_of_pynetdicom(message_type: MessageType) -> None:
    theirs = set(pynetdicom.dimse_messages._COMMAND_SET_KEYWORDS[message_type.name])
    ours = {parameter.element.keyword for parameter in message_type.parameters}
    known_difference = set()
    if message_type.name in {"N-GET-RSP", "N-SET-RSP", "N-DELETE-RSP"}:
        # A response lists attributes only beside the status that complains about them.
        known_difference = {"AttributeIdentifierList"}
    assert ours == theirs - IN_EVERY_COMMAND - STATUS_RELATED - known_difference


@each_type
def test_the_command_fields_are_those_of_pynetdicom(message_type: MessageType) -> None:
    name, cls = pynetdicom.dimse_messages._MESSAGE_TYPES[message_type.command_field]
    assert name == message_type.name
    has_data_set = cls.__name__ in pynetdicom.dimse_messages._DATASET_KEYWORDS
    assert has_data_set == (message_type.dataset is not DataSetPresence.ABSENT)


def test_no_message_of_pynetdicom_is_missing() -> None:
    assert MESSAGE_TYPES.keys() == pynetdicom.dimse_messages._MESSAGE_TYPES.keys()


@each_type
def test_request_and_response_know_each_other(message_type: MessageType) -> None:
    assert message_type.is_request is not message_type.is_response
    if message_type.is_request and message_type is not messages.C_CANCEL_RQ:
        response = message_type.response
        assert response is not None
        assert response.is_response
        assert response.command_field == message_type.command_field | 0x8000
        assert response.name == message_type.name.replace("-RQ", "-RSP")
    else:
        assert message_type.response is None


@each_type
def test_the_message_id_is_where_the_standard_has_it(message_type: MessageType) -> None:
    first = message_type.parameters[0]
    refers_back = message_type.is_response or message_type is messages.C_CANCEL_RQ
    assert first.element.element == (0x0120 if refers_back else 0x0110)


@pytest.mark.parametrize(
    ("message_type", "event"),
    [
        (messages.C_STORE_RQ, "OnReceiveCStoreRequest"),
        (messages.C_STORE_RSP, "OnReceiveCStoreResponse"),
        (messages.C_CANCEL_RQ, "OnReceiveCCancelRequest"),
        (messages.N_EVENT_REPORT_RQ, "OnReceiveNReportRequest"),
        (messages.N_EVENT_REPORT_RSP, "OnReceiveNReportResponse"),
        (messages.N_DELETE_RSP, "OnReceiveNDeleteResponse"),
    ],
)
def test_the_events_have_the_names_of_ldicomnet(message_type: MessageType, event: str) -> None:
    assert message_type.event == event


def test_every_type_has_an_event_of_its_own() -> None:
    assert len({message_type.event for message_type in MESSAGE_TYPES.values()}) == 23


@pytest.mark.parametrize("element", COMMAND_ELEMENTS.values(), ids=lambda item: item.keyword)
def test_an_element_agrees_with_pydicoms_dictionary(element: CommandElement) -> None:
    assert pydicom.datadict.keyword_for_tag(element.element) == element.keyword
    assert pydicom.datadict.dictionary_VR(element.element) == element.vr


def test_all_elements_that_are_not_retired_are_declared() -> None:
    # PS3.7 Table E.1-1, not E.2-1.
    entries = pydicom._dicom_dict.DicomDictionary.items()
    current = {tag for tag, (_, _, _, retired, _) in entries if tag <= 0xFFFF and not retired}
    assert COMMAND_ELEMENTS.keys() == current

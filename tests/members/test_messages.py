"""The methods that send a DIMSE message and the events that receive it, one by one."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from messages import MESSAGES, SIGNATURES, VALUES, arguments_of, ask_for, method, name_of
from nets import Mute, Nets, some_dataset

from leaddicom import LDicomDS, LDicomNet, ParameterError
from leaddicom.dimse.messages import DataSetPresence, MessageType


@pytest.fixture
def ends(nets: Nets) -> tuple[LDicomNet, LDicomNet]:
    return nets.pair(Mute, Mute)


def sender_of(message_type: MessageType) -> str:
    return f"Send{name_of(message_type)}"


def event_of(message_type: MessageType) -> str:
    return message_type.event


def test_there_are_all_23_messages() -> None:
    assert {name_of(each) for each in MESSAGES} == set(SIGNATURES)
    assert len(MESSAGES) == 23


@pytest.mark.parametrize("message_type", MESSAGES, ids=sender_of)
def test_a_data_set_may_be_left_out_where_it_is_optional(message_type: MessageType) -> None:
    parameters = inspect.signature(getattr(LDicomNet, sender_of(message_type))).parameters
    if message_type.dataset is DataSetPresence.ABSENT:
        assert "dataset" not in parameters
    else:
        may = parameters["dataset"].default is None
        assert may is (message_type.dataset is DataSetPresence.OPTIONAL)


@pytest.mark.parametrize("with_dataset", [True, False], ids=["data set", "none"])
@pytest.mark.parametrize("message_type", MESSAGES, ids=event_of)
def test_arrives_as_it_was_sent(
    nets: Nets,
    ends: tuple[LDicomNet, LDicomNet],
    message_type: MessageType,
    with_dataset: bool,
) -> None:
    accepted, client = ends
    sender, receiver = (client, accepted) if message_type.is_request else (accepted, client)
    arguments = arguments_of(message_type)
    dataset = some_dataset()
    if message_type.dataset is DataSetPresence.ABSENT:
        if with_dataset:
            with pytest.raises(TypeError):
                method(sender, message_type)(*arguments, dataset=dataset)
            return
    elif message_type.dataset is DataSetPresence.REQUIRED and not with_dataset:
        with pytest.raises(ParameterError, match=f"{message_type.name} needs a data set"):
            method(sender, message_type)(*arguments, None)
        return
    else:
        arguments.append(dataset if with_dataset else None)
    ask_for(nets, client, message_type)
    method(sender, message_type)(*arguments)
    received = nets.wait_for(message_type.event, net=receiver)
    if isinstance(received[-1], LDicomDS):
        assert received[-1].to_pydicom() == arguments.pop()
        received = received[:-1]
    assert list(received) == arguments


@pytest.mark.parametrize("message_type", MESSAGES, ids=sender_of)
def test_takes_its_arguments_by_name(
    nets: Nets, ends: tuple[LDicomNet, LDicomNet], message_type: MessageType
) -> None:
    accepted, client = ends
    sender, receiver = (client, accepted) if message_type.is_request else (accepted, client)
    names = SIGNATURES[name_of(message_type)]
    values: dict[str, Any] = {"presentation_id": 1, **{name: VALUES.get(name) for name in names}}
    if "dataset" in names:
        values["dataset"] = some_dataset()
    ask_for(nets, client, message_type)
    method(sender, message_type)(**values)
    received = nets.wait_for(message_type.event, net=receiver)
    assert received[1] == VALUES["message_id"]

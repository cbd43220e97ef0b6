"""The table of the protocol machine against PS3.8 Table 9-10, twice."""

from __future__ import annotations

import pytest
from pynetdicom.fsm import TRANSITION_TABLE

from leaddicom.upper_layer.state_machine import (
    LOCAL_EVENTS,
    NEXT_STATE,
    TRANSITIONS,
    Action,
    Event,
    State,
)

# PS3.8 Table 9-10 as it is printed: a row per event, a column per state, a dot for a blank cell.
TABLE_9_10 = """
         Sta1 Sta2 Sta3 Sta4 Sta5 Sta6 Sta7 Sta8 Sta9 Sta10 Sta11 Sta12 Sta13
Evt1     AE-1 .    .    .    .    .    .    .    .    .     .     .     .
Evt2     .    .    .    AE-2 .    .    .    .    .    .     .     .     .
Evt3     .    AA-1 AA-8 .    AE-3 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8  AA-8  AA-6
Evt4     .    AA-1 AA-8 .    AE-4 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8  AA-8  AA-6
Evt5     AE-5 .    .    .    .    .    .    .    .    .     .     .     .
Evt6     .    AE-6 AA-8 .    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8  AA-8  AA-7
Evt7     .    .    AE-7 .    .    .    .    .    .    .     .     .     .
Evt8     .    .    AE-8 .    .    .    .    .    .    .     .     .     .
Evt9     .    .    .    .    .    DT-1 .    AR-7 .    .     .     .     .
Evt10    .    AA-1 AA-8 .    AA-8 DT-2 AR-6 AA-8 AA-8 AA-8  AA-8  AA-8  AA-6
Evt11    .    .    .    .    .    AR-1 .    .    .    .     .     .     .
Evt12    .    AA-1 AA-8 .    AA-8 AR-2 AR-8 AA-8 AA-8 AA-8  AA-8  AA-8  AA-6
Evt13    .    AA-1 AA-8 .    AA-8 AA-8 AR-3 AA-8 AA-8 AR-10 AR-3  AA-8  AA-6
Evt14    .    .    .    .    .    .    .    AR-4 AR-9 .     .     AR-4  .
Evt15    .    .    AA-1 AA-2 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1  AA-1  AA-1  .
Evt16    .    AA-2 AA-3 .    AA-3 AA-3 AA-3 AA-3 AA-3 AA-3  AA-3  AA-3  AA-2
Evt17    .    AA-5 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4  AA-4  AA-4  AR-5
Evt18    .    AA-2 .    .    .    .    .    .    .    .     .     .     AA-2
Evt19    .    AA-1 AA-8 .    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8  AA-8  AA-7
"""

# PS3.8 Tables 9-6 to 9-9: the state after each action, where the action leaves no choice.
NEXT_STATES = """
AE-1 Sta4   AE-2 Sta5   AE-3 Sta6   AE-4 Sta1   AE-5 Sta2   AE-7 Sta6   AE-8 Sta13
DT-1 Sta6   DT-2 Sta6
AR-1 Sta7   AR-2 Sta8   AR-3 Sta1   AR-4 Sta13  AR-5 Sta1   AR-6 Sta7   AR-7 Sta8
AR-9 Sta11  AR-10 Sta12
AA-1 Sta13  AA-2 Sta1   AA-3 Sta1   AA-4 Sta1   AA-5 Sta1   AA-6 Sta13  AA-7 Sta13  AA-8 Sta13
"""


def printed() -> dict[tuple[str, str], str]:
    header, *rows = (line.split() for line in TABLE_9_10.strip().splitlines())
    return {
        (event, state): action
        for event, *actions in rows
        for state, action in zip(header, actions, strict=True)
        if action != "."
    }


def ours() -> dict[tuple[str, str], str]:
    return {
        (f"Evt{event.value}", f"Sta{state.value}"): action.name.replace("_", "-")
        for (event, state), (action, _) in TRANSITIONS.items()
    }


def test_the_table_is_that_of_the_standard() -> None:
    assert ours() == printed()


def test_the_table_is_that_of_pynetdicom() -> None:
    assert ours() == TRANSITION_TABLE


def test_there_are_13_states_and_19_events_with_123_cells() -> None:
    assert (len(State), len(Event), len(TRANSITIONS)) == (13, 19, 123)


def test_every_action_has_a_cell() -> None:
    assert {action for action, _ in TRANSITIONS.values()} == set(Action)


def test_the_state_after_each_action_is_that_of_the_standard() -> None:
    words = NEXT_STATES.split()
    expected = dict(zip(words[::2], words[1::2], strict=True))
    expected |= {"AE-6": "Sta3", "AR-8": "Sta9"}  # the first of two; see test_protocol
    assert {
        action.name.replace("_", "-"): f"Sta{state.value}" for action, state in NEXT_STATE.items()
    } == expected


@pytest.mark.parametrize("cell", TRANSITIONS, ids=lambda cell: f"{cell[0].name}-{cell[1].name}")
def test_every_cell_leads_where_its_action_leads(cell: tuple[Event, State]) -> None:
    action, state = TRANSITIONS[cell]
    assert state is NEXT_STATE[action]


def test_local_events_are_the_primitives_of_the_service_user() -> None:
    # PS3.8 section 9.2.2: request and response primitives; the rest comes from below.
    assert {event.value for event in LOCAL_EVENTS} == {1, 7, 8, 9, 11, 14, 15}

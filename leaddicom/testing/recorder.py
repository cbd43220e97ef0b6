"""A record of events, for tests of applications built on `LDicomNet`.

::

    recorder = Recorder()
    server = recorder.watch(MyServer())
    client = recorder.watch(MyClient())
    ...
    client.Connect(None, 0, "localhost", server.GetHostInfo()[1])
    recorder.wait_for("OnSecureLinkReady", net=client)
    client.SendAssociateRequest(request)
    ...
    _, _, _, status = recorder.wait_for("OnReceiveCEchoResponse")
    assert recorder.exceptions == []

The connections that a watched listener accepts are watched as well.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from leaddicom.net import LDicomNet

__all__ = ["EVENTS", "RecordedEvent", "Recorder"]

#: The events of `LDicomNet` by name.
EVENTS: tuple[str, ...] = tuple(
    sorted(name for name in dir(LDicomNet) if name.startswith("On") and name[2].isupper())
)

# LDicomNet calls these only if they are overridden, because they cost time for every PDU ...
_COSTLY = frozenset({"OnReceive", "OnReceiveData", "OnSend"})
# ... and these, because somebody has to want what they are for.
_WANTED = frozenset({"OnBeforeSendCommandSet", "OnCreateCTX", "OnSendExt", "OnVerify"})

# Attribute of a watched class.
_RECORDER = "_test_recorder"

_Net = TypeVar("_Net", bound=LDicomNet)


@dataclass(slots=True, eq=False)
class RecordedEvent:
    """One event that was called.

    Attributes
    ----------
    net : LDicomNet
        On which object: the one that was watched, or a connection that it accepted.
    name : str
        For example ``"OnReceiveCEchoRequest"``.
    arguments : tuple
        What the event got, without the object itself.
    thread : str
        Name of the thread that called it.
    exception : BaseException or None
        What it raised; `LDicomNet` logs and answers it, so that a test would not see it.
    returned : bool
        Whether it has ended, well or not.
    """

    net: LDicomNet
    name: str
    arguments: tuple[Any, ...]
    thread: str = field(default_factory=lambda: threading.current_thread().name)
    exception: BaseException | None = None
    returned: bool = False

    def __str__(self) -> str:
        shown = ", ".join(map(repr, self.arguments))
        state = "" if self.returned else ", still running"
        if self.exception is not None:
            state = f", raised {self.exception!r}"
        return f"{self.name}({shown}) of {_text(self.net)}{state}"


class Recorder:
    """Records the events of any number of `LDicomNet` objects, in the order of their calls.

    Nothing else about the objects changes: their events run as before, on the same threads, and
    what they raise goes where it went.  It may be used from any thread.

    Parameters
    ----------
    pdus : bool
        Whether `OnSend`, `OnReceive` and `OnReceiveData` are recorded where an object does not
        override them itself.  `LDicomNet` then keeps every PDU it receives, which takes time and
        memory.

    Notes
    -----
    `OnVerify`, `OnCreateCTX`, `OnSendExt` and `OnBeforeSendCommandSet` are recorded only where an
    object overrides them.

    Arguments are kept as they are.  A received data set that is in a temporary file stays there
    as long as the recorder does.
    """

    def __init__(self, *, pdus: bool = False) -> None:
        self._pdus = pdus
        self._changed = threading.Condition()
        self._events: list[RecordedEvent] = []
        self._given: set[int] = set()

    def watch(self, net: _Net) -> _Net:
        """Record the events of an object from now on, and those of what it accepts.

        Parameters
        ----------
        net : LDicomNet
            Not connected and not listening yet.

        Returns
        -------
        LDicomNet
            The same object.
        """
        if getattr(net, _RECORDER, None) is not self:
            net.__class__ = _watched_class(type(net), self)
        return net

    @property
    def events(self) -> list[RecordedEvent]:
        """All events so far, oldest first."""
        with self._changed:
            return list(self._events)

    @property
    def exceptions(self) -> list[BaseException]:
        """What events have raised, such as the `AssertionError` of an assertion in one."""
        return [event.exception for event in self.events if event.exception is not None]

    def names(self, net: LDicomNet | None = None) -> list[str]:
        """Give the names of the events so far, of one object or of all."""
        return [event.name for event in self.events if net is None or event.net is net]

    def wait_for(
        self, name: str, timeout: float = 5.0, *, net: LDicomNet | None = None
    ) -> tuple[Any, ...]:
        """Wait until an event has been called and has returned, and take it.

        Each event is given once: waiting again for the same name waits for the next one.

        Parameters
        ----------
        name : str
            One of `EVENTS`.
        timeout : float
            Seconds to wait at most.
        net : LDicomNet, optional
            On which object; without it, on any.

        Returns
        -------
        tuple
            The arguments of the event.

        Raises
        ------
        TimeoutError
            It did not come; the message lists what came instead.
        ValueError
            There is no event of that name.
        """
        return self.wait_for_event(name, timeout, net=net).arguments

    def wait_for_event(
        self, name: str, timeout: float = 5.0, *, net: LDicomNet | None = None
    ) -> RecordedEvent:
        """Do as `wait_for`, but give all that is known about the event."""
        if name not in EVENTS:
            raise ValueError(f"LDicomNet has no event {name!r}.")
        found: list[RecordedEvent] = []

        def comes() -> bool:
            found[:] = [
                event
                for event in self._events
                if event.name == name
                and event.returned
                and (net is None or event.net is net)
                and id(event) not in self._given
            ][:1]
            return bool(found)

        with self._changed:
            if self._changed.wait_for(comes, timeout):
                self._given.add(id(found[0]))
                return found[0]
            lines = [f"\n  {event}" for event in self._events]
        where = "" if net is None else f" of {_text(net)}"
        raise TimeoutError(
            f"{name}{where} did not come within {timeout:g} s. Recorded so far:"
            + ("".join(lines) or " nothing.")
        )

    def call(self, net: LDicomNet, name: str, event: Callable[..., Any], arguments: Any) -> Any:
        """Record the call of an event and call it; for watched objects."""
        recorded = RecordedEvent(net, name, arguments)
        with self._changed:
            self._events.append(recorded)
        try:
            return event(*arguments)
        except BaseException as exception:
            recorded.exception = exception
            raise
        finally:
            with self._changed:
                recorded.returned = True
                self._changed.notify_all()

    def wants(self, event: str) -> bool:
        """Tell whether an event is to be called only to be recorded; for watched objects."""
        return event not in _WANTED and (self._pdus or event not in _COSTLY)


class _Event:
    """An event of a watched class; a data descriptor, to stand before the object's own too."""

    __slots__ = ("_name", "_owner", "_recorder")

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner, self._name = owner, name

    def __get__(self, net: Any, owner: type) -> Any:
        if net is None:
            return getattr(super(self._owner, owner), self._name)
        own = vars(net).get(self._name) or getattr(super(self._owner, net), self._name)
        return lambda *arguments: self._recorder.call(net, self._name, own, arguments)

    def __set__(self, net: Any, event: Callable[..., Any]) -> None:
        vars(net)[self._name] = event

    def __delete__(self, net: Any) -> None:
        del vars(net)[self._name]


def _watched_class(plain: type[LDicomNet], recorder: Recorder) -> type[Any]:
    """Make the class that looks like `plain` and records."""

    def accept(self: LDicomNet, client: LDicomNet) -> None:
        recorder.watch(client)
        plain.Accept(self, client)

    def overrides(self: LDicomNet, event: str) -> bool:
        return (
            recorder.wants(event)
            or event in vars(self)
            or getattr(plain, event) is not getattr(LDicomNet, event)
        )

    names: dict[str, Any] = {name: _Event(recorder) for name in EVENTS}
    names |= {_RECORDER: recorder, "Accept": accept, "overrides": overrides}
    names |= {"__module__": plain.__module__, "__qualname__": plain.__qualname__}
    return type(plain.__name__, (plain,), names)


def _text(net: LDicomNet) -> str:
    if net.connection is None:
        return f"{type(net).__name__} at {net.GetHostInfo()[1]}"
    return f"{type(net).__name__} with {net.connection.peer}"

"""One fault that two sources tell is one fault; two alike from one source are two. Pure."""

from collections import OrderedDict, deque

from agent.faults import Sighting

TWINS_S = 5.0  # apart at most: the driver's event waits for a GPU's lock, the log's line for its reader
MANY = 256  # of one kind, code and component are remembered
KEYS = 1024  # kinds, codes and components, the newest told: twins come within seconds of each other

Key = tuple[str, str, str]


class _Event:
    def __init__(self, at: float, source: str) -> None:
        self.at, self.sources = at, {source}


class Twins:
    """Of one boot. The first copy of an event is the event; each other source's next copy of the like, within
    ``within_s`` of it, is its twin. A source gives its copies in their order, so the oldest one that it has not told
    yet is meant."""

    def __init__(self, within_s: float = TWINS_S) -> None:
        self._within_s = within_s
        self._events: OrderedDict[Key, deque[_Event]] = OrderedDict()

    def __len__(self) -> int:
        """Kinds, codes and components that are remembered."""
        return len(self._events)

    def is_twin(self, sighting: Sighting) -> bool:
        """Whether it was counted already. It is remembered either way."""
        events = self._of((sighting.kind, sighting.code, sighting.component))
        for event in events:
            if sighting.source not in event.sources and abs(event.at - sighting.at) <= self._within_s:
                event.sources.add(sighting.source)
                return True
        events.append(_Event(sighting.at, sighting.source))
        return False

    def _of(self, key: Key) -> deque[_Event]:
        events = self._events.setdefault(key, deque(maxlen=MANY))
        self._events.move_to_end(key)
        if len(self._events) > KEYS:
            self._events.popitem(last=False)
        return events

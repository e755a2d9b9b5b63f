"""What is settled of each condition, component by component. Several sensors may tell of one condition."""

from collections.abc import Callable, Mapping, Sequence

from agent.settling import NODE, Folded, Settled, fold

Recall = Callable[[str], Mapping[str, Settled]]


class States:
    """``recall`` gives what was said of a type before this process began: any of its sensors may go on from there.

    ``readers``: the sensors of each type of condition; one that is not in it is told of without a sensor ("").
    """

    def __init__(self, readers: Mapping[str, Sequence[str]], recall: Recall) -> None:
        self._readers, self._recall = readers, recall
        self._parts: dict[str, dict[str, dict[str, Settled]]] = {}

    @property
    def types(self) -> list[str]:
        return list(self._parts)

    def of(self, type_: str, sensor: str) -> dict[str, Settled]:
        """What this sensor's readings have settled."""
        return self._of_type(type_).setdefault(sensor, {})

    def put(self, type_: str, sensor: str, states: dict[str, Settled]) -> None:
        """A component that this sensor tells of is no other's: what another recalled of it is void."""
        parts = self._of_type(type_)
        for name in states.keys() - {NODE}:
            for other in parts.values():
                other.pop(name, None)
        parts[sensor] = states

    def together(self, type_: str) -> dict[str, Settled]:
        """By component, of all sensors."""
        return {name: state for part in self._of_type(type_).values() for name, state in part.items()}

    def folded(self, type_: str) -> Folded | None:
        return fold(self.together(type_))

    def forget(self, type_: str, components: Sequence[str]) -> None:
        """Of every component, if none is named."""
        for part in self._of_type(type_).values():
            for name in components or list(part):
                part.pop(name, None)

    def _of_type(self, type_: str) -> dict[str, dict[str, Settled]]:
        if type_ not in self._parts:
            known = self._recall(type_)
            self._parts[type_] = {sensor: dict(known) for sensor in self._readers.get(type_) or [""]}
        return self._parts[type_]

"""What was told again of late, so that a verdict on it finds the answer and the question."""

from collections import OrderedDict
from dataclasses import dataclass

from modelnet.core.identity import RequestId
from modelnet.interaction.recollection import MOST_REMEMBERED
from modelnet.service.cache.entry import Entry


@dataclass(slots=True)
class Told:
    """An answer that was told again."""

    owner: str
    entry: Entry
    at: float
    cosine: float | None = None
    """Of the two questions; nothing where they are the same."""
    kind: str = ""
    is_judged: bool = False


class Tellings:
    """The last of them, by the tasks they answered."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._known: OrderedDict[RequestId, Told] = OrderedDict()

    def add(self, task: RequestId, told: Told) -> None:
        """Remember one."""
        self._known[task] = told
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def find(self, task: RequestId, owner: str) -> Told | None:
        """Return what its owner was told to a task."""
        told = self._known.get(task)
        return told if told is not None and told.owner == owner else None

    def forget(self, *, before: float | None = None, task: RequestId | None = None) -> None:
        """Forget them, all or those that fit; so does who asked first go with the answer."""
        for known, told in list(self._known.items()):
            is_meant = task is None or task in {known, told.entry.task}
            if is_meant and (before is None or told.at < before):
                del self._known[known]

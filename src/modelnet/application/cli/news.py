"""Who came, who went, who serves something else now: what `modelnet up` tells as it runs. Pure."""

from modelnet.core.identity import NodeId, short_node_id
from modelnet.resource.directory import Directory, NodeEntry


class News:
    """Compares the directory with what was told of it before."""

    def __init__(self, self_id: NodeId) -> None:
        self._self_id = self_id
        self._told: dict[NodeId, NodeEntry] = {}

    def update(self, directory: Directory) -> list[str]:
        """Return a sentence for each change since the last call.

        A node is told of once it has introduced itself, with its name and its models.
        """
        here = {
            node: entry
            for node, entry in directory.entries.items()
            if node != self._self_id and entry.name != short_node_id(node)
        }
        left = [f"{old.name} left." for node, old in self._told.items() if node not in here]
        came = [_told_of(entry, self._told.get(node)) for node, entry in here.items()]
        self._told = here
        return left + [sentence for sentence in came if sentence]


def _told_of(entry: NodeEntry, before: NodeEntry | None) -> str:
    if before is None:
        return f"{entry.name} joined with {_models(entry)}."
    if before.since != entry.since:
        return f"{entry.name} left and came back with {_models(entry)}."
    # Cards change without any model doing so: when the file of one becomes known.
    if _models(before) != _models(entry):
        return f"{entry.name} now serves {_models(entry)}."
    return ""


def _models(entry: NodeEntry) -> str:
    return ", ".join(sorted(card.name for card in entry.cards)) or "no models"

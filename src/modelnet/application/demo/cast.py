"""Who plays in the demo: which node serves what."""

import secrets

from modelnet.application.demo.process import NodeSpec

GENERALIST = "zoo:general"

TWIN = "zoo:text"
"""The specialist that two nodes serve, so that one can go on where the other died."""

LOST_MODEL = "zoo:dates"
LOST_SKILL = "dates"
"""What goes down with the killed node and comes back with the newcomer."""

VICTIM = "dan"
NEWCOMER = "finn"


class Cast:
    """The nodes of one show, in a network of their own."""

    def __init__(self, characters_per_s: float) -> None:
        """Let the victim answer at a pace that can be watched."""
        self._network = f"demo-{secrets.token_hex(4)}"
        self._twin = f"{TWIN}?pace={characters_per_s:g}"

    def entrance(self) -> NodeSpec:
        """Return the node that is asked."""
        return NodeSpec(name="hub", network=self._network, models=(GENERALIST,))

    def specialists(self, join: tuple[str, ...]) -> tuple[NodeSpec, ...]:
        """Return the others, who join through the entrance."""
        served = {
            "ada": ("zoo:calc",),
            "bob": (TWIN,),
            "cleo": ("zoo:logic",),
            VICTIM: (LOST_MODEL, self._twin),
            "eve": ("zoo:facts",),
        }
        return tuple(
            NodeSpec(name=name, network=self._network, models=models, join=join)
            for name, models in served.items()
        )

    def newcomer(self, join: tuple[str, ...]) -> NodeSpec:
        """Return the node that joins at the end."""
        return NodeSpec(name=NEWCOMER, network=self._network, models=(LOST_MODEL,), join=join)

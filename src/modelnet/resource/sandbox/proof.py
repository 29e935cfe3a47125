"""What tests say of some code."""

import msgspec


class Proof(msgspec.Struct, frozen=True):
    """A verdict, where there is one."""

    is_right: bool | None
    """Nothing where the tests cannot tell."""
    because: str = ""
    """One sentence for a person."""

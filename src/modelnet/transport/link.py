"""Secrets of a closed network's links: whoever lacks them cannot connect and sees nothing."""

import msgspec


class LinkSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """What mutual TLS needs, as PEM text. The authority is the network's, the rest is this node's.

    Its `repr` shows nothing, so that no log can.
    """

    ca_pem: str
    certificate_pem: str
    private_key_pem: str

    def __repr__(self) -> str:
        """Return the name of the type and nothing of its content."""
        return "LinkSecrets(...)"

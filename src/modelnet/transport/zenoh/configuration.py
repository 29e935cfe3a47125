"""The engine's configuration for a node: pure, from settings and endpoints to a JSON tree.

Times are chosen so that a frozen peer is noticed within 3 s and a healed link is back within 4 s.
"""

import base64
from typing import Any

from modelnet.transport.frame import MAX_FRAME_BYTES
from modelnet.transport.link import LinkSecrets
from modelnet.transport.zenoh.endpoint import Endpoint
from modelnet.transport.zenoh.settings import ZenohSettings, multicast_address

LEASE_MS = 2000
"""A link that is silent for so long is dead. Four keep-alives fit into it."""

RETRY_MS = 500
"""How long to wait between attempts to connect again."""

OPEN_TIMEOUT_MS = 3000
"""How long an attempt to connect may take: a frozen node accepts and then says nothing."""

BLOCK_US = 2_000_000
"""How long a full link may hold up a sender before it is taken for dead."""


def configuration(
    settings: ZenohSettings,
    listen: tuple[Endpoint, ...],
    join: tuple[Endpoint, ...],
    answering: frozenset[Endpoint],
) -> dict[str, Any]:
    """Return the configuration of a session that listens and joins at these endpoints, by path.

    Opening it fails unless it gets through where somebody is `answering`; the other endpoints
    are tried for as long as the session lives.
    """
    connect = [f"{place}{'' if place in answering else '#exit_on_failure=false'}" for place in join]
    tree: dict[str, Any] = {
        "mode": settings.mode,
        "listen/endpoints": [str(endpoint) for endpoint in listen],
        "connect/endpoints": connect,
        "connect/timeout_ms": OPEN_TIMEOUT_MS,
        "connect/exit_on_failure": True,
        "connect/retry": {
            "period_init_ms": RETRY_MS,
            "period_max_ms": RETRY_MS,
            "period_increase_factor": 1,
        },
        "scouting/delay": 0,
        "scouting/gossip/enabled": True,
        "open/return_conditions": {"connect_scouted": False, "declares": True},
        "timestamping/enabled": False,
        "transport/shared_memory/enabled": False,
        "transport/link/protocols": [settings.scheme],
        "transport/link/rx/max_message_size": MAX_FRAME_BYTES + 1024,
        "transport/link/tx/lease": LEASE_MS,
        "transport/link/tx/queue/congestion_control/block/wait_before_close": BLOCK_US,
        "transport/unicast/open_timeout": OPEN_TIMEOUT_MS,
        "transport/unicast/accept_timeout": OPEN_TIMEOUT_MS,
        "transport/unicast/accept_pending": 1000,
    }
    tree |= _scouting(settings, listen, join)
    if settings.secrets is not None:
        tree |= _tls(settings.secrets)
    return tree


def _scouting(
    settings: ZenohSettings, listen: tuple[Endpoint, ...], join: tuple[Endpoint, ...]
) -> dict[str, Any]:
    # A node that only this machine can reach must not call out into the network around it.
    is_local = all(endpoint.is_loopback for endpoint in listen)
    is_hidden = is_local and not all(endpoint.is_loopback for endpoint in join)
    # When two peers connect to each other at once, one may stay blind to the other: measured with
    # 50 nodes that start on a busy machine. So one side does it, unless only this side can.
    strategy = {
        "peer": {"to_router": "always", "to_peer": "always" if is_hidden else "greater-zid"}
    }
    return {
        "scouting/gossip/autoconnect_strategy": strategy,
        "scouting/multicast/enabled": settings.multicast and settings.mode != "client",
        "scouting/multicast/address": multicast_address(settings.network),
        "scouting/multicast/interface": "lo" if is_local else "auto",
        "scouting/multicast/autoconnect": {"router": ["router"], "peer": ["router", "peer"]},
        "scouting/multicast/autoconnect_strategy": strategy,
    }


def _tls(secrets: LinkSecrets) -> dict[str, Any]:
    return {
        "transport/link/tls": {
            "root_ca_certificate_base64": _base64(secrets.ca_pem),
            "listen_certificate_base64": _base64(secrets.certificate_pem),
            "listen_private_key_base64": _base64(secrets.private_key_pem),
            "connect_certificate_base64": _base64(secrets.certificate_pem),
            "connect_private_key_base64": _base64(secrets.private_key_pem),
            "enable_mtls": True,
            # The authority vouches for members, not for host names: nodes move.
            "verify_name_on_connect": False,
            "close_link_on_expiration": True,
        }
    }


def _base64(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()

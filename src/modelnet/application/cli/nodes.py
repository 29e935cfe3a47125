"""`modelnet nodes`: every node of the network."""

from modelnet.application.cli.asking import with_client
from modelnet.application.cli.hardware import told_of
from modelnet.application.cli.option import DataDir, Json, Url
from modelnet.application.cli.output import Column, write_json, write_table
from modelnet.application.gateway.catalog import NodeView

_COLUMNS = (Column("NODE"), Column("MODELS"), Column("MACHINE"), Column("ID"))


def nodes(url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """List the nodes of the network."""
    found = with_client(url, data_dir, lambda client: client.nodes())
    if as_json:
        write_json({"nodes": found})
    else:
        write_table(_COLUMNS, [_row(node) for node in found])


def _row(node: NodeView) -> tuple[str, ...]:
    name = f"{node.name} (this node)" if node.is_local else node.name
    return name, ", ".join(node.models) or "none", told_of(node.machine), node.id

"""`modelnet keys`: which node this is, a new key for it, invitations to closed networks."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from modelnet.application.cli.option import DataDir, Json
from modelnet.application.cli.output import write, write_json
from modelnet.application.presence import occupied
from modelnet.application.settings import load_settings
from modelnet.core.error import KeyFileError, SettingsError, StorageError
from modelnet.core.identity import NodeId, short_node_id

keys = typer.Typer(add_completion=False, rich_markup_mode=None)


@keys.callback(invoke_without_command=True)
def show(context: typer.Context, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show this node's id and key file; invite others; replace the key."""
    if context.invoked_subcommand is not None:
        if data_dir is not None or as_json:
            raise SettingsError(f"Write the options after `keys {context.invoked_subcommand}`.")
        return
    file = key_file(load_settings({"data_dir": data_dir}).data_dir)
    node = _node_of(file)
    if as_json:
        write_json({"node": node, "file": str(file)})
    else:
        write(f"  node  {node}\n  file  {file}")


@keys.command("new-invitation")
def new_invitation(
    network: Annotated[str, typer.Argument(help="The network's name.", metavar="NETWORK")],
    as_json: Json = False,
) -> None:
    """Print an invitation to a closed network.

    Whoever has this line can enter the network, and nobody else.
    """
    from modelnet.trust.invitation import Invitation, authority_fingerprint

    load_settings({"network": network})
    invitation = Invitation.create(network)
    if as_json:
        told = {"network": network, "invitation": invitation.text}
        write_json({**told, "fingerprint": authority_fingerprint(invitation)})
        return
    write(invitation.text)
    write(
        "Hand this line to each member in private; a node enters with "
        f"MODELNET_INVITATION=LINE modelnet up --network {network}.",
        err=True,
    )


@keys.command("rotate")
def rotate(
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Replace this node's key.

    Others will see a new node that has yet to earn its standing.
    """
    from modelnet.trust.key import open_key

    directory = load_settings({"data_dir": data_dir}).data_dir
    file = key_file(directory)
    old = _node_of(file)
    with occupied(directory):
        if not is_sure:
            _confirm(old)
        kept = _set_aside(file, old)
        new = open_key(directory).node
    if as_json:
        write_json({"node": new, "file": str(file), "old_node": old, "old_file": str(kept)})
    else:
        write(f"  node  {new}\n  file  {file}\n  old   {kept}")


def key_file(data_dir: Path) -> Path:
    """Return where the key of the node in `data_dir` lies."""
    from modelnet.trust.key import KEY_FILE

    return data_dir / KEY_FILE


def _node_of(file: Path) -> NodeId:
    from modelnet.trust.key import load

    try:
        return load(file).node
    except FileNotFoundError:
        raise KeyFileError(
            f"There is no key at {file} yet: the first `modelnet up` makes one."
        ) from None


def _confirm(old: NodeId) -> None:
    if not sys.stdin.isatty():
        raise SettingsError("Replacing the key needs a yes: run it in a terminal, or add --yes.")
    typer.confirm(
        f"Others know this node as ...{short_node_id(old)} and will not know the new one. Go on?",
        abort=True,
        err=True,
    )


def _set_aside(file: Path, old: NodeId) -> Path:
    kept = file.with_name(f"{file.name}.{short_node_id(old)}.{time.strftime('%Y%m%d%H%M%S')}")
    try:
        return file.rename(kept)
    except OSError as error:
        raise StorageError(
            f"The key cannot be moved to {kept} ({error.strerror}): make its directory writable."
        ) from error

"""The key file: made once, for its owner only, refused when anything is wrong with it."""

import os
import pickle
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from modelnet.core.error import KeyFileError, MalformedError, SignatureError, StorageError
from modelnet.core.identity import NodeId
from modelnet.trust.key import KEY_FILE, NodeKey, load, open_key, verify


def mode_of(path):
    return path.stat().st_mode & 0o777


@pytest.fixture
def permissive_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def pem_of(private, encryption=None):
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        encryption or serialization.NoEncryption(),
    )


def write_key_file(data_dir, content):
    path = data_dir / KEY_FILE
    path.parent.mkdir(mode=0o700)
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path


def test_the_first_start_makes_a_key_and_later_ones_find_it(tmp_path):
    first = open_key(tmp_path / "new" / "data")
    assert open_key(tmp_path / "new" / "data").node == first.node
    assert (tmp_path / "new" / "data" / KEY_FILE).read_bytes().startswith(b"-----BEGIN PRIVATE KEY")


@pytest.mark.usefixtures("permissive_umask")
def test_only_the_owner_can_read_whatever_the_umask(tmp_path):
    open_key(tmp_path)
    path = tmp_path / KEY_FILE
    assert mode_of(path) == 0o600
    assert mode_of(path.parent) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_many_who_start_at_once_end_up_with_one_key(tmp_path):
    start = Barrier(8)

    def node_of(data_dir):
        start.wait(timeout=10)
        return open_key(data_dir).node

    with ThreadPoolExecutor(8) as pool:
        for round_ in range(10):
            data_dir = tmp_path / str(round_)
            nodes = set(pool.map(node_of, [data_dir] * 8))
            assert len(nodes) == 1
            assert len(list((data_dir / KEY_FILE).parent.iterdir())) == 1


def test_two_processes_that_start_at_once_end_up_with_one_key(tmp_path):
    program = (
        "import sys, pathlib; from modelnet.trust.key import open_key;"
        "print(open_key(pathlib.Path(sys.argv[1])).node)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    nodes = {process.communicate(timeout=30)[0] for process in started}
    assert len(nodes) == 1
    assert nodes.pop().strip() == open_key(tmp_path).node


def test_a_signature_verifies_for_the_signer_and_this_content_only():
    alice, bob = NodeKey.generate(), NodeKey.generate()
    signature = alice.sign(b"hello")
    verify(alice.node, signature, b"hello")
    for node, signed, message in [
        (bob.node, signature, b"hello"),
        (alice.node, signature, b"hallo"),
        (alice.node, signature[:-1], b"hello"),
        (alice.node, b"", b"hello"),
    ]:
        with pytest.raises(SignatureError, match=f"node {node[-8:]}"):
            verify(node, signed, message)
    with pytest.raises(MalformedError):
        verify(NodeId("alice"), signature, b"hello")


def test_rfc_8032_test_vector():
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    signature = NodeKey.from_seed(seed).sign(b"")
    assert signature.hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )


def test_the_private_half_never_shows():
    key = NodeKey.from_seed(b"0123456789abcdef0123456789abcdef")
    assert repr(key) == f"NodeKey({key.node})"
    assert str(key) == repr(key)
    with pytest.raises(TypeError):
        pickle.dumps(key)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_file_open_to_others_is_refused(tmp_path, mode):
    open_key(tmp_path)
    path = tmp_path / KEY_FILE
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=f"chmod 600 {path}"):
        open_key(tmp_path)
    path.chmod(0o600)
    open_key(tmp_path)


@pytest.mark.parametrize("mode", [0o770, 0o702])
def test_a_directory_in_which_others_can_replace_the_key_is_refused(tmp_path, mode):
    open_key(tmp_path)
    directory = (tmp_path / KEY_FILE).parent
    directory.chmod(mode)
    with pytest.raises(KeyFileError, match=f"chmod 700 {directory}"):
        open_key(tmp_path)


def test_the_advice_can_be_pasted_into_a_shell(tmp_path):
    data_dir = tmp_path / "my data"
    open_key(data_dir)
    (data_dir / KEY_FILE).chmod(0o644)
    with pytest.raises(KeyFileError) as refused:
        open_key(data_dir)
    command = refused.value.message.split("`")[1]
    subprocess.run(command, shell=True, check=True)
    open_key(data_dir)


SOME_KEY = pem_of(Ed25519PrivateKey.generate())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        SOME_KEY[:60],
        SOME_KEY.replace(b"M", b"\xff"),
        pem_of(ec.generate_private_key(ec.SECP256R1())),
        pem_of(Ed25519PrivateKey.generate(), serialization.BestAvailableEncryption(b"secret")),
        b"A" * 1_000_000,
    ],
    ids=["empty", "garbage", "truncated", "flipped", "other algorithm", "encrypted", "huge"],
)
def test_a_corrupt_key_file_is_refused_and_left_as_it_is(tmp_path, content):
    path = write_key_file(tmp_path, content)
    with pytest.raises(KeyFileError, match="is corrupt: restore it from a backup"):
        open_key(tmp_path)
    assert path.read_bytes() == content


def test_something_else_in_the_place_of_the_key_is_refused(tmp_path):
    (tmp_path / KEY_FILE).mkdir(parents=True, mode=0o700)
    (tmp_path / KEY_FILE).chmod(0o700)
    (tmp_path / KEY_FILE).parent.chmod(0o700)
    with pytest.raises(KeyFileError, match=r"cannot be read \(Is a directory\)"):
        open_key(tmp_path)


def test_reading_a_key_that_is_not_there_makes_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "node.pem")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_and_leaves_no_half_a_key(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, before[1]))
    try:
        with pytest.raises(StorageError, match="free some space"):
            open_key(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list((tmp_path / KEY_FILE).parent.iterdir()) == []
    open_key(tmp_path)


def test_a_data_directory_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises((StorageError, KeyFileError), match="Not a directory"):
        open_key(tmp_path / "file")
    (tmp_path / "dangling").symlink_to("nowhere/at/all")
    with pytest.raises(StorageError, match="choose a directory that this user can write"):
        open_key(tmp_path / "dangling")

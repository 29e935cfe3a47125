"""The filter of calls, run by an interpreter of its machine's four instructions."""

import struct

import pytest

from modelnet.resource.sandbox.inside.filter import MACHINES, program

ALLOWED, REFUSED, KILLED = 0x7FFF0000, 0x00050001, 0x80000000


def verdict(machine: str, number: int, *arguments: int, told: int | None = None) -> int:
    """Return what the filter says of a call, as the kernel would hear it."""
    filled = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("=iIQ6Q", number, told or MACHINES[machine], 0, *filled)
    steps = list(struct.iter_unpack("=HBBI", program(machine)))
    place, held = 0, 0
    while True:
        code, skip_if, skip_unless, value = steps[place]
        place += 1
        if code == 0x20:
            (held,) = struct.unpack_from("=I", data, value)
        elif code == 0x15:
            place += skip_if if held == value else skip_unless
        else:
            assert code == 0x06
            return value


READ, WRITE, OPENAT = {"x86_64": 0, "aarch64": 63}, {"x86_64": 1, "aarch64": 64}, {
    "x86_64": 257, "aarch64": 56,
}  # fmt: skip
SOCKET = {"x86_64": 41, "aarch64": 198}
CLONE = {"x86_64": 56, "aarch64": 220}
EXECVE = {"x86_64": 59, "aarch64": 221}
KILL = {"x86_64": 62, "aarch64": 129}
PTRACE = {"x86_64": 101, "aarch64": 117}
FCNTL = {"x86_64": 72, "aarch64": 25}
IOCTL = {"x86_64": 16, "aarch64": 29}
SENDTO = {"x86_64": 44, "aarch64": 206}
SOCKETPAIR = {"x86_64": 53, "aarch64": 199}


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("call", [READ, WRITE, OPENAT])
def test_what_programs_need_is_allowed(machine, call):
    assert verdict(machine, call[machine]) == ALLOWED


@pytest.mark.parametrize("call", [SOCKET, CLONE, EXECVE, KILL, PTRACE])
def test_what_reaches_others_is_refused(machine, call):
    assert verdict(machine, call[machine]) == REFUSED


@pytest.mark.parametrize("number", [424, 425, 435, 437, 1000, 0x40000000, 0x40000001])
def test_what_is_not_known_is_refused(machine, number):
    assert verdict(machine, number) == REFUSED


def test_calls_of_another_machine_are_deadly(machine):
    assert verdict(machine, READ[machine], told=0x40000003) == KILLED


@pytest.mark.parametrize(("command", "told"), [(1, ALLOWED), (1030, ALLOWED), (8, REFUSED)])
def test_files_are_told_to_signal_nobody(machine, command, told):
    assert verdict(machine, FCNTL[machine], 0, command) == told


def test_devices_are_told_little(machine):
    assert verdict(machine, IOCTL[machine], 0, 0x5413) == ALLOWED
    assert verdict(machine, IOCTL[machine], 0, 0x5412) == REFUSED
    assert verdict(machine, IOCTL[machine], 0, 0x8901) == REFUSED


@pytest.mark.parametrize("address", [1, 1 << 32, 1 << 63, 0x7FFF_0000_0000])
def test_a_pair_of_sockets_sends_to_its_other_end_only(machine, address):
    assert verdict(machine, SOCKETPAIR[machine], 1) == ALLOWED
    assert verdict(machine, SOCKETPAIR[machine], 2) == REFUSED
    assert verdict(machine, SENDTO[machine], 3, 0, 1, 0, 0, 0) == ALLOWED
    assert verdict(machine, SENDTO[machine], 3, 0, 1, 0, address, 16) == REFUSED


def test_other_machines_are_not_known():
    with pytest.raises(ValueError, match="riscv64"):
        program("riscv64")

"""NVIDIA's processors as NVML tells of them: a stand-in answers for cards that are not here."""

from types import SimpleNamespace

import pytest

from modelnet.core.machine import Gpu
from modelnet.resource.machine.gpu import has_driver, look_at_gpus, read_gpus


class NvmlError(Exception):
    pass


class Nvml:
    """Answers as the module `pynvml` does, or fails where it is told to."""

    NVMLError = NvmlError

    def __init__(self, *names, fails: str = "", busy: int = 40) -> None:
        self._names = names
        self._fails = fails
        self._busy = busy
        self.is_open = False

    def __getattr__(self, name):
        def call(*arguments):
            if name == self._fails:
                raise NvmlError(name)
            return self._answer(name, *arguments)

        return call

    def _answer(self, name, *arguments):
        self.is_open = name != "nvmlShutdown"
        return {
            "nvmlDeviceGetCount": lambda: len(self._names),
            "nvmlDeviceGetHandleByIndex": lambda number: number,
            "nvmlDeviceGetName": lambda number: self._names[number],
            "nvmlDeviceGetMemoryInfo": lambda _: SimpleNamespace(total=80, free=60, used=20),
            "nvmlDeviceGetUtilizationRates": lambda _: SimpleNamespace(gpu=self._busy, memory=1),
        }.get(name, lambda: None)(*arguments)


def test_each_card_is_told_of():
    nvml = Nvml("H100", b"old \xff name")
    assert read_gpus(nvml) == (Gpu("H100", 80, 60, 0.4), Gpu("old \ufffd name", 80, 60, 0.4))
    assert not nvml.is_open


@pytest.mark.parametrize(
    "fails", ["nvmlInit", "nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex", "nvmlDeviceGetName"]
)
def test_a_broken_driver_is_no_driver(fails):
    nvml = Nvml("H100", fails=fails)
    assert read_gpus(nvml) == ()
    assert not nvml.is_open


def test_cards_may_know_less():
    shared = Nvml("GB10", fails="nvmlDeviceGetMemoryInfo")
    assert read_gpus(shared) == (Gpu("GB10", 0, 0, 0.4),)
    divided = Nvml("A100", fails="nvmlDeviceGetUtilizationRates")
    assert read_gpus(divided) == (Gpu("A100", 80, 60, 0.0),)


@pytest.mark.parametrize(("percent", "busy"), [(-1, 0.0), (101, 1.0)])
def test_nonsense_is_bounded(percent, busy):
    (gpu,) = read_gpus(Nvml("x" * 999, busy=percent))
    assert gpu.busy == busy
    assert len(gpu.name) == 128


def test_without_driver_there_are_none():
    assert has_driver() or look_at_gpus() == ()

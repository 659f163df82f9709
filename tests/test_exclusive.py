"""One thread a network, and settings of the process that the last thread puts back."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import nn

from videxplain.exclusive import InUse, Setting, seeded, settings_kept

PATIENCE = 60
"""Seconds that a thread may take to do what it can do at once."""


def test_a_network_its_parts_and_its_whole_are_used_by_one_thread_at_a_time() -> None:
    part = nn.Linear(2, 2)
    whole, other = nn.Sequential(part, nn.ReLU()), nn.Linear(2, 2)
    tied = nn.Linear(2, 2)
    tied.weight = part.weight
    uses, inside, most = InUse(), [], []

    def use(module: nn.Module) -> None:
        with uses.alone(module), uses.alone(module):
            inside.append(module)
            most.append(sum(m is not other for m in inside))
            time.sleep(0.01)
            inside.remove(module)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(use, [part, whole, other, tied] * 4))
        assert max(most) == 1
        with uses.alone(part):
            pool.submit(use, other).result(timeout=PATIENCE)  # another network does not wait
    assert not uses._owners


def test_a_network_is_free_again_after_an_error() -> None:
    net, uses = nn.Linear(2, 2), InUse()
    try:
        with uses.alone(net):
            raise KeyError
    except KeyError:
        pass
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: uses.alone(net).__enter__()).result(timeout=PATIENCE) is None


def test_a_setting_is_put_back_by_the_last_of_its_users() -> None:
    log: list[str] = []

    def change() -> object:
        log.append("changed")
        return lambda: log.append("back")

    setting = Setting(change)
    first, second, left = threading.Event(), threading.Event(), []

    def early() -> None:
        with setting():
            first.set()
            second.wait(PATIENCE)
        left.append(list(log))

    thread = threading.Thread(target=early)
    thread.start()
    first.wait(PATIENCE)
    with setting():
        second.set()
        thread.join()
        assert left == [["changed"]]
    assert log == ["changed", "back"]


def test_random_numbers_and_switches_are_as_before_whoever_leaves_first() -> None:
    before, enabled = torch.get_rng_state(), torch.backends.mkldnn.enabled

    def draw(seconds: float) -> None:
        with settings_kept():
            torch.rand(3)
            torch.backends.mkldnn.enabled = False
            time.sleep(seconds)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(draw, [0.03, 0.01, 0.02, 0.0]))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.backends.mkldnn.enabled == enabled


def test_what_is_drawn_depends_on_the_seed_alone_in_any_thread() -> None:
    before, cpu = torch.get_rng_state(), torch.device("cpu")

    def draw(seed: int) -> list[float]:
        with seeded(seed, cpu):
            found = []
            for _ in range(4):
                found += torch.rand(2).tolist()
                time.sleep(0.001)
            return found

    wanted = [draw(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(draw, [0, 1, 2, 3] * 3)) == wanted * 3
    assert torch.equal(torch.get_rng_state(), before)

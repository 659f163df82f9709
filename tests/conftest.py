import os
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

WriteVideo = Callable[..., Path]

if "PYTEST_XDIST_WORKER" in os.environ:
    # The processes of pytest -n share the cores. Threads inside them would only take them from each other. Torch reads
    # this when it is imported, which is later.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cpu", help="where small networks are explained: cpu, cuda, cuda:1, mps")


def pytest_configure(config: pytest.Config) -> None:
    if (name := config.getoption("--device")) != "cpu":
        from tests import device

        device.choose(name)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    # It compares a device with the CPU.
    return True if collection_path.name == "test_on_device.py" and config.getoption("--device") == "cpu" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # A browser that hangs says nothing about the page.
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun="BrowserHungError"))
        if item.get_closest_marker("long") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(1800))


@pytest.fixture
def write_video(tmp_path: Path) -> WriteVideo:
    """Writes frames with PyAV, so that what OpenCV reads is checked against another encoder's file."""

    def write(
        name: str,
        frames: Sequence[NDArray[np.uint8]],
        *,
        codec: str = "ffv1",
        pix_fmt: str = "bgr0",
        rate: Fraction | int = 25,
        source: str = "rgb24",
        container: str | None = None,
        options: dict[str, str] | None = None,
        keyframe_every: int = 12,
        b_frames: int = 0,
        times_ms: Sequence[int] | None = None,
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Through an open file, because PyAV takes a name such as "%d.avi" for a pattern in places.
        with path.open("wb") as file:
            format_name = container or {"mkv": "matroska"}.get(path.suffix[1:], path.suffix[1:])
            with av.open(file, "w", format=format_name, options=options or {}) as output:
                stream = output.add_stream(codec, rate=rate)
                stream.height, stream.width = frames[0].shape[:2]
                stream.pix_fmt = pix_fmt
                stream.bit_rate = 20_000_000  # enough for noise; the default would leave grey of it
                stream.codec_context.gop_size = keyframe_every
                stream.codec_context.max_b_frames = b_frames
                for i, frame in enumerate(frames):
                    picture = av.VideoFrame.from_ndarray(frame, format=source)
                    if times_ms is not None:
                        picture.pts, picture.time_base = times_ms[i], Fraction(1, 1000)
                    output.mux(stream.encode(picture))
                output.mux(stream.encode())
        return path

    return write


@pytest.fixture
def numbered() -> Callable[..., list[NDArray[np.uint8]]]:
    """Frames that say which they are: frame i is filled with ``10 + 5 i``."""

    def frames(count: int, height: int = 24, width: int = 32) -> list[NDArray[np.uint8]]:
        return [np.full((height, width, 3), 10 + 5 * i, np.uint8) for i in range(count)]

    return frames


@pytest.fixture
def noise() -> NDArray[np.uint8]:
    """``(96, 96, 128, 3)`` frames that no encoder compresses well, so that damage hits many packets."""
    still = np.random.default_rng(0).integers(0, 256, (96, 128, 3)).astype(np.uint8)
    return np.stack([np.roll(still, 3 * i, axis=1) for i in range(96)])


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser for all tests of a module."""
    from tests.browser import Chromium

    with Chromium() as one:
        yield one


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[Any, str, str]]:
    """Run the program in this process: exit status, standard output, standard error."""

    from videxplain.cli import main

    def call(*arguments: object) -> tuple[Any, str, str]:
        monkeypatch.setattr("sys.argv", ["videxplain", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return call

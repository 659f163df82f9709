"""A dataset of rendered clips on disk, laid out as UCF101 is, with the evidence beside the videos."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from videxplain.actionfigures.acts import LABELS
from videxplain.actionfigures.render import Difficulty, FigureClip, render_clip
from videxplain.claim import claimed
from videxplain.data.datasets.official import SYNTHESIZED
from videxplain.data.datasets.parallel import in_processes
from videxplain.errors import VidexplainError
from videxplain.files import read_record, replacing

FPS = 25
FRAMES, SIZE = 48, (120, 160)
SMALLEST, LARGEST = 32, 4096
"""Pixels of a side. Smaller pictures have no room for a figure; larger ones take minutes each."""
GROUPS = 250
"""Groups at most: ten times UCF101's number, because figures and places cost nothing here."""
_HELD_OUT = 7 / 25
"""Share of the groups that a split holds out: UCF101's."""
LOOK = 4
"""Goes up when the same settings give other pixels, so that a folder never mixes both."""
VIDEOS, EVIDENCE, LISTS = "UCF-101", "evidence", "ucfTrainTestlist"


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known about a video.

    Attributes:
        limbs: ``(T, H, W)`` bool: the limbs and things that carry the action, while it goes on.
        people: ``(T, H, W)`` bool: everybody.
        active: ``(T,)`` bool: whether the action goes on.
        camera: ``"still"``, ``"pan"``, ``"zoom"`` or ``"shake"``.
        cut: The first frame of the second scene, or None.
    """

    limbs: NDArray[np.bool_]
    people: NDArray[np.bool_]
    active: NDArray[np.bool_]
    camera: str
    cut: int | None


@dataclass(frozen=True)
class _Task:
    label: str
    group: int
    clip: int
    out: Path
    seed: int
    num_frames: int
    size: tuple[int, int]
    difficulty: Difficulty

    @property
    def name(self) -> str:
        return f"{self.label}/v_{self.label}_g{self.group:02d}_c{self.clip:02d}.avi"

    @property
    def video(self) -> Path:
        return self.out / VIDEOS / self.name


_MOST_VIDEOS = 1_000_000


def synthesize(
    out: str | Path,
    *,
    videos: int,
    seed: int = 0,
    num_frames: int = FRAMES,
    size: tuple[int, int] = SIZE,
    difficulty: Difficulty | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Render a dataset; videos that are there already are kept.

    Every class gets the same number of videos, as far as that goes, in up to 250 groups. The clips of a group share
    the figure and the place, whatever the class: if each class had its own, a network would learn the places. Of 250
    groups, splits 1, 2 and 3 hold out 1 to 70, 71 to 140 and 141 to 210; of fewer, as large a share.

    Args:
        out: A folder, made when it is not there.
        videos: How many in all; at least one of each class.
        seed: Another one gives other figures, places and movements.
        num_frames: Frames of each video, at 25 a second.
        size: Height and width in pixels, even.
        difficulty: What makes it hard; None for the defaults.
        workers: Processes.
        progress: Called with the videos done and the videos in all.

    Returns:
        How many videos were made now.
    """
    out = Path(out)
    if videos < len(LABELS):
        raise VidexplainError(f"there are {len(LABELS)} classes, so at least as many videos are needed, not {videos}")
    if size[0] % 2 or size[1] % 2:
        raise VidexplainError(f"videos have even sides, not {size[1]}x{size[0]}")
    if videos > _MOST_VIDEOS:
        raise VidexplainError(f"{videos:.6g} videos are too many: at most {_MOST_VIDEOS:,}")
    if num_frames < 1 or min(size) < SMALLEST or max(size) > LARGEST:
        raise VidexplainError(
            f"videos have at least 1 frame, and sides of {SMALLEST} to {LARGEST} pixels, "
            f"not {num_frames} of {size[1]:.6g}x{size[0]:.6g}"
        )
    wanted = difficulty or Difficulty()
    settings = {"look": LOOK, "seed": seed, "frames": num_frames, "size": list(size), **dataclasses.asdict(wanted)}
    tasks = [
        _Task(label, group, clip, out, seed, num_frames, size, wanted) for label, group, clip in _arrangement(videos)
    ]
    _claim(out, settings)
    with claimed(out):
        open_tasks = [task for task in tasks if not (task.video.is_file() and _evidence_path(task.video).is_file())]
        done = len(tasks) - len(open_tasks)
        for _ in in_processes(_make, open_tasks, workers):
            done += 1
            if progress:
                progress(done, len(tasks))
        _write_lists(out, tasks)
    return len(open_tasks)


def held_out_clips(seed: int = 0) -> Iterator[tuple[str, FigureClip]]:
    """The clips that split 1 of a dataset of 250 groups holds out, rendered one by one, without compression.

    Classes take turns, and neighbouring clips come from different groups, so that the first few show much.

    Args:
        seed: The dataset's.

    Yields:
        A name such as ``"Wave/v_Wave_g04_c01"``, and the clip.
    """
    held_out = round(_HELD_OUT * GROUPS)
    for number in range(held_out * len(LABELS)):
        label = LABELS[number % len(LABELS)]
        # Every combination once: the number of groups is a multiple of the number of classes.
        group = (number + number // held_out) % held_out + 1
        task = _Task(label, group, 1, Path(), seed, FRAMES, SIZE, Difficulty())
        yield task.name.removesuffix(".avi"), _render(task)


def read_evidence(video: str | Path) -> Evidence:
    """What is known about a video that `synthesize` wrote; ``video`` is the path of its AVI file."""
    path = _evidence_path(Path(video))
    try:
        with np.load(path, allow_pickle=False) as file:
            shape = tuple(file["shape"])
            masks = [np.unpackbits(file[name], count=int(np.prod(shape))) for name in ("limbs", "people")]
            limbs, people = (mask.astype(bool).reshape(shape) for mask in masks)
            cut = int(file["cut"])
            return Evidence(limbs, people, file["active"].astype(bool), str(file["camera"]), cut if cut >= 0 else None)
    except FileNotFoundError:
        raise VidexplainError(f"no evidence of {video}: {path} is not there; videxplain synthesize writes it") from None
    except (OSError, ValueError, KeyError) as error:
        raise VidexplainError(f"cannot read {path}: {error}") from None


def write_avi(path: Path, frames: NDArray[np.uint8]) -> None:
    """Write ``(T, H, W, 3)`` uint8 RGB frames as MPEG-4 in AVI, as UCF101's videos are, whole or not at all."""
    with replacing(path) as temporary, av.open(str(temporary), "w", format="avi") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(FPS))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.options = {"qscale": "3", "flags": "+qscale", "global_quality": "354"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


def _arrangement(videos: int) -> Iterator[tuple[str, int, int]]:
    """Class, group and clip of each video; groups fill up evenly, the first ones first."""
    for index, label in enumerate(LABELS):
        count = videos // len(LABELS) + (index < videos % len(LABELS))
        for number in range(count):
            yield label, number % GROUPS + 1, number // GROUPS + 1


def _claim(out: Path, settings: dict[str, object]) -> None:
    """Make the folder, and make sure that what is in it was made with the same settings."""
    path = out / SYNTHESIZED
    try:
        if path.is_file():
            held = read_record(path, "is not what synthesizing writes: choose another folder")
            if differing := [name for name in settings if held.get(name) != settings[name]]:
                name = differing[0]
                raise VidexplainError(
                    f"{out} holds videos made with {name} {held.get(name)}, not {settings[name]}: choose another folder"
                )
            return
        for folder in (VIDEOS, EVIDENCE):
            for label in LABELS:
                (out / folder / label).mkdir(parents=True, exist_ok=True)
        (out / LISTS).mkdir(exist_ok=True)
    except (OSError, ValueError) as error:
        raise VidexplainError(f"cannot use {out}: {getattr(error, 'strerror', None) or error}") from None
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(settings) + "\n", encoding="utf-8")


def _render(task: _Task) -> FigureClip:
    return render_clip(
        task.label,
        seed=[task.seed, LABELS.index(task.label), task.group, task.clip],
        group_seed=[task.seed, task.group],
        num_frames=task.num_frames,
        size=task.size,
        difficulty=task.difficulty,
    )


def _make(task: _Task) -> None:
    clip = _render(task)
    # The video last: where it is, everything is.
    _write_evidence(_evidence_path(task.video), clip)
    write_avi(task.video, clip.frames)


def _write_evidence(path: Path, clip: FigureClip) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            shape=np.array(clip.evidence.shape),
            limbs=np.packbits(clip.evidence),
            people=np.packbits(clip.people),
            active=clip.active,
            camera=np.array(clip.camera),
            cut=np.array(-1 if clip.cut is None else clip.cut),
        )


def _evidence_path(video: Path) -> Path:
    return video.parents[2] / EVIDENCE / video.parent.name / f"{video.stem}.npz"


def _write_lists(out: Path, tasks: list[_Task]) -> None:
    """The class index and the split lists, in UCF101's own format."""
    lists = {"classInd.txt": [f"{number} {label}" for number, label in enumerate(LABELS, 1)]}
    count = max(1, round(_HELD_OUT * max(task.group for task in tasks)))
    for split in (1, 2, 3):
        held_out = range(count * (split - 1) + 1, count * split + 1)
        lists[f"trainlist{split:02d}.txt"] = [
            f"{task.name} {LABELS.index(task.label) + 1}" for task in tasks if task.group not in held_out
        ]
        lists[f"testlist{split:02d}.txt"] = [task.name for task in tasks if task.group in held_out]
    for name, lines in lists.items():
        with replacing(out / LISTS / name) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

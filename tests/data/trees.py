"""Datasets laid out as they are published, of tiny videos."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import av
import numpy as np

SIZE = (24, 32)
FPS = 25

# Names as they are in HMDB51, and worse; the value is what split 1 does with them: 0 unused, 1 train, 2 test.
ODD_NAMES = {
    "#20_Rhythm_brush_hair_u_nm_np1_fr_goo_0.avi": 1,
    "#20_Rhythm_brush_hair_u_nm_np1_fr_goo_1.avi": 1,
    "Veoh;Alpha&Dog_1_brush_hair_h_cm_np1_fr_med_3.avi": 2,
    "winKen!_(1)_brush_hair_u_nm_np2_le_goo_2.avi": 2,
    "two words_brush_hair_u_cm_np1_ba_goo_0.avi": 1,
    "50%_'quoted'_brush_hair_u_cm_np1_ba_goo_4.avi": 0,
}


def write_clip(path: Path, values: Sequence[int], *, size: tuple[int, int] = SIZE, fps: int = FPS) -> Path:
    """A lossless video; frame i is filled with ``values[i]``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file, av.open(file, "w", format="avi") as output:
        stream = output.add_stream("ffv1", rate=fps)
        (stream.height, stream.width), stream.pix_fmt = size, "bgr0"
        for value in values:
            frame = np.full((*size, 3), value, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(stream.encode())
    return path


def ucf101_tree(
    root: Path,
    labels: Sequence[str] = ("Kick", "Archery"),
    groups: int = 6,
    clips: int = 2,
    frames: int = 4,
    videos: str = "UCF-101",
) -> Path:
    """Split s tests on the groups that leave s - 1 when divided by 3; ``labels`` are numbered in the order given."""
    lists = root / "ucfTrainTestlist"
    lists.mkdir(parents=True)
    (lists / "classInd.txt").write_bytes(b"".join(f"{i} {name}\r\n".encode() for i, name in enumerate(labels, 1)))
    source = write_clip(root / "source.avi", [20 * i for i in range(frames)])
    parts: dict[str, list[str]] = {f"{part}list{s:02d}.txt": [] for s in (1, 2, 3) for part in ("train", "test")}
    for number, label in enumerate(labels, 1):
        for group in range(groups):
            for clip in range(1, clips + 1):
                name = f"{label}/v_{label}_g{group:02d}_c{clip:02d}.avi"
                path = root / videos / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(source.read_bytes())
                for s in (1, 2, 3):
                    if group % 3 == s - 1:
                        parts[f"testlist{s:02d}.txt"].append(f"{name}\r\n")
                    else:
                        parts[f"trainlist{s:02d}.txt"].append(f"{name} {number}\r\n")
    for name, lines in parts.items():
        (lists / name).write_bytes("".join(lines).encode())
    source.unlink()
    return root


def hmdb51_tree(root: Path, classes: Mapping[str, Mapping[str, int]] | None = None, videos: str = "") -> Path:
    """Split 1 as ``classes`` says; in splits 2 and 3 every use is the next one of 0, 1, 2."""
    classes = classes or {"wave": {f"film_wave_f_nm_np1_fr_bad_{i}.avi": i % 3 for i in range(4)}} | {
        "brush_hair": ODD_NAMES
    }
    lists = root / "testTrainMulti_7030_splits"
    lists.mkdir(parents=True)
    for label, uses in classes.items():
        for name in uses:
            write_clip(root / videos / label / name, [0, 100])
        for s in (1, 2, 3):
            lines = [f"{name} {(use + s - 1) % 3} \n" for name, use in uses.items()]
            (lists / f"{label}_test_split{s}.txt").write_text("".join(lines))
    return root


def names(videos: Sequence) -> list[str]:
    """``Class/file`` of each."""
    return [f"{video.path.parent.name}/{video.path.name}" for video in videos]

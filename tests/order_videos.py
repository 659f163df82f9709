"""A small dataset that only the order of frames divides, for tests of training and evaluating."""

import av
import numpy as np

LABELS = ("Fall", "Rise")
SIZE, FRAMES = (24, 32), 12


def write_noisy(path, values, rng):
    """Frames of one grey each, with noise, without loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file, av.open(file, "w", format="avi") as output:
        stream = output.add_stream("ffv1", rate=25)
        (stream.height, stream.width), stream.pix_fmt = SIZE, "bgr0"
        for value in values:
            frame = np.clip(value + rng.normal(0, 4, (*SIZE, 3)), 0, 255).astype(np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(stream.encode())
    return path


def order_tree(root, labels=LABELS, groups=7, clips=2, frames=FRAMES, held_out=2):
    """UCF101's layout: pictures become darker in the first class and brighter in the others, faster in later ones."""
    rng = np.random.default_rng(0)
    lists = root / "ucfTrainTestlist"
    lists.mkdir(parents=True)
    (lists / "classInd.txt").write_text("".join(f"{i} {name}\n" for i, name in enumerate(labels, 1)))
    train, test = [], []
    for number, label in enumerate(labels, 1):
        for group in range(1, groups + 1):
            for clip in range(1, clips + 1):
                values = np.linspace(60, 200, frames) if number == 2 else np.linspace(200, 60, frames)
                name = f"{label}/v_{label}_g{group:02d}_c{clip:02d}.avi"
                write_noisy(root / "UCF-101" / name, values, rng)
                if group <= held_out:
                    test.append(f"{name}\n")
                else:
                    train.append(f"{name} {number}\n")
    (lists / "trainlist01.txt").write_text("".join(train))
    (lists / "testlist01.txt").write_text("".join(test))
    return root

"""How checkpoints of a run are written and read: whole or not at all."""

import io
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from videxplain.errors import VidexplainError
from videxplain.files import make_folder, replacing


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint to a temporary file beside it, which takes its place when it is complete.

    Lightning writes to the system's folder of temporary files. If this is on another disk, the file is copied, and a
    full disk or a killed process leaves half a checkpoint in the place of the last good one.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a checkpoint. If this fails, the old file stays."""
        path = Path(path)
        make_folder(path.parent)
        content = io.BytesIO()  # because PyTorch raises no OSError if the disk is full
        torch.save(checkpoint, content)
        with replacing(path) as temporary, temporary.open("wb") as file:
            file.write(content.getbuffer())


def epochs_done(path: Path) -> int:
    """The number of epochs after which a checkpoint was written.

    Raises:
        VidexplainError: The file is damaged.
    """
    try:
        return int(torch.load(path, map_location="cpu", weights_only=True)["epoch"]) + 1
    except Exception as error:  # a damaged archive may raise anything
        reason = (str(error) or type(error).__name__).splitlines()[0][:100]
        raise VidexplainError(
            f"cannot resume: {path} is damaged ({reason}); begin anew in another folder, with init: "
            f"{path.with_name('best.ckpt')} to begin with the best weights so far"
        ) from None

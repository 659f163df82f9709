"""Checkpoints: whole or not at all, and one line where one is damaged."""

import resource
import tempfile

import pytest
import torch

from videxplain.errors import VidexplainError
from videxplain.train.checkpoints import WholeCheckpoints, epochs_done
from videxplain.train.run import train

CPU = {"accelerator": "cpu", "devices": 1}


def test_a_checkpoint_that_does_not_fit_leaves_the_one_before(tmp_path):
    path = tmp_path / "checkpoints" / "last.ckpt"
    WholeCheckpoints().save_checkpoint({"epoch": 3, "weights": torch.ones(2000)}, path)
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        # The system stops writing in the middle of the file, as on a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, limits[1]))
        with pytest.raises(VidexplainError, match=r"^cannot write .*last\.ckpt: File too large$"):
            WholeCheckpoints().save_checkpoint({"epoch": 4, "weights": torch.zeros(2000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]
    assert path.read_bytes() == before
    assert epochs_done(path) == 4


def test_a_run_writes_only_to_its_own_folder_and_a_damaged_checkpoint_is_one_line(recipe_of, tmp_path, monkeypatch):
    """The folder of temporary files may be on another disk, from which files are copied and not renamed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no such folder"))
    train(recipe_of(epochs=1), tmp_path / "run", trainer_options=CPU)
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    assert epochs_done(last) == 1
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.raises(VidexplainError) as raised:
        train(recipe_of(epochs=2), tmp_path / "run", resume=True, trainer_options=CPU)
    said = str(raised.value)
    assert said.startswith(f"cannot resume: {last} is damaged (")
    assert said.endswith(f"with init: {last.with_name('best.ckpt')} to begin with the best weights so far")
    assert "\n" not in said

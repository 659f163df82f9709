"""Files that are taken for weights and are something else, known by their first bytes."""

from pathlib import Path

_POINTER = b"version https://git-lfs"
_PAGE = (b"<!doctype html", b"<html")
_ARCHIVE = b"PK\x03\x04"


def what_it_is(path: Path) -> str:
    """What a file that cannot be read as weights is, and what helps, in words; empty for anything else."""
    try:
        with path.open("rb") as file:
            first = file.read(200)
    except OSError:
        return ""
    if not first:
        return "it is empty"
    if first.startswith(_POINTER):
        return "it is a pointer of Git LFS in the place of the weights; 'git lfs pull' fetches them"
    if first.lstrip().lower().startswith(_PAGE):
        return "it is a web page, such as one that asks to sign in, in the place of the weights"
    if path.suffix != ".safetensors" and first[8:10] == b'{"':
        return "it is in the format of safetensors: name it .safetensors"
    if path.suffix == ".safetensors" and first.startswith(_ARCHIVE):
        return "it is in the format of PyTorch: name it .pt"
    return ""

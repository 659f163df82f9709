"""What is in a figure that was written as PDF or SVG."""

import re
import zlib
from pathlib import Path
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"


def pdf_streams(path: Path) -> bytes:
    """The file and everything that is compressed in it."""
    data = path.read_bytes()
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL)
    return data + b"".join(zlib.decompressobj().decompress(one) for one in streams if one[:1] == b"x")


def pdf_page(path: Path) -> tuple[float, float]:
    """Width and height of the page in points."""
    (box,) = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", pdf_streams(path))
    return float(box[0]), float(box[1])


def pdf_sizes(path: Path) -> set[float]:
    """The sizes of all text in points."""
    return {float(size) for size in re.findall(rb"/F\S+ ([\d.]+) Tf", pdf_streams(path))}


def svg_texts(path: Path) -> dict[str, tuple[float, str]]:
    """Each text with its size in points and its first family of fonts."""
    found = {}
    for element in ElementTree.parse(path).iter(f"{SVG}text"):
        style = element.get("style", "")
        size = re.search(r"([\d.]+)px", style)
        family = re.search(r"px(?:; font-family:)? '?([\w -]+)", style)
        assert size, style
        assert family, style
        found["".join(element.itertext())] = (float(size[1]), family[1])
    return found


def svg_size(path: Path) -> tuple[float, float]:
    """Width and height in points."""
    root = ElementTree.parse(path).getroot()
    width, height = (root.get(side, "") for side in ("width", "height"))
    assert width.endswith("pt")
    return float(width[:-2]), float(height[:-2])

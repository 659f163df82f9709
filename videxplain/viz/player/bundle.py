"""What the player in the browser is given: raw maps, what is to be known of them, colours, scripts."""

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videxplain.boxes import Box, box_slices
from videxplain.viz.colour import DEFAULT_COLORMAP, lut
from videxplain.viz.overlay import enlarge

SCRIPTS = ("maps.js", "elements.js", "curve.js", "player.js", "sync.js")
"""In the order in which a page has them."""
STYLE = "player.css"
COLOURS = (DEFAULT_COLORMAP, "viridis", "turbo", "magma", "Greys_r")
_CONTROLS_HEIGHT = 210
"""Height of the curve, the buttons and the settings, in CSS pixels."""


@dataclass(frozen=True)
class PlayerData:
    """One explanation as the player takes it.

    Attributes:
        meta: Everything but the values, ready for JSON: ``frames, fps, width, height,
            maps {steps, rows, columns, scale}, range, signed, curve, title, label, notes, view, first,
            seconds``.
        maps: The values ``(T, h, w)`` divided by ``scale``, half precision, little-endian.
    """

    meta: dict[str, Any]
    maps: bytes

    def resized(self, size: tuple[int, int], view: Box | None) -> "PlayerData":
        """The same for a clip of another height and width, with the view in its pixels."""
        corners = None if view is None else _corners(view, size)
        return replace(self, meta={**self.meta, "width": size[1], "height": size[0], "view": corners})


def player_data(
    maps: Iterable[NDArray[np.float32]],
    *,
    temporal: Sequence[float] | NDArray[np.float32],
    fps: float,
    size: tuple[int, int],
    scale: tuple[float, float],
    signed: bool = False,
    title: str = "",
    label: str = "",
    notes: Sequence[str] = (),
    view: Box | None = None,
    first: int = 0,
    seconds: Sequence[float] | NDArray[np.float64] | None = None,
) -> PlayerData:
    """Pack one map a frame for the browser.

    Half precision keeps eleven bits. The values are divided by their largest size first, so that small ones keep them
    too, and a colour is off by less than one of 255 levels.

    Args:
        maps: One raw map ``(h, w)`` a frame.
        temporal: ``(T,)`` how much each frame contributed.
        fps: Frames a second of the clip that the player shows.
        size: Height and width of the clip in pixels.
        scale: The raw values where the colour scale begins and ends.
        signed: Whether negative values are part of the picture.
        title: The clip, the method and the network, in words.
        label: The class that is explained.
        notes: What the reader must not miss.
        view: The part of a frame that the network saw and the maps cover, in pixels; None for the whole frame.
        first: The number of the first frame in the clip, of which the player may show a part.
        seconds: ``(T,)`` when each frame is shown in the clip; None where that is its number divided by ``fps``. The
            player itself shows all frames for the same time.
    """
    stacked = np.stack([np.asarray(one, np.float32) for one in maps])
    largest = float(np.abs(stacked).max()) or 1.0
    steps, rows, columns = stacked.shape
    meta = {
        "frames": steps,
        "fps": fps,
        "width": size[1],
        "height": size[0],
        "maps": {"steps": steps, "rows": rows, "columns": columns, "scale": largest},
        "range": [float(scale[0]), float(scale[1])],
        "signed": signed,
        "curve": [float(value) for value in temporal],
        "title": title,
        "label": label,
        "notes": list(notes),
        "view": None if view is None else _corners(view, size),
        "first": first,
        "seconds": None if seconds is None else [float(value) for value in seconds],
    }
    return PlayerData(meta, (stacked / largest).astype("<f2").tobytes())


def shrunk(maps: NDArray[np.float32], most_bytes: int) -> NDArray[np.float32]:
    """Maps ``(T, h, w)`` of so many bytes in half precision at most; averaged over squares where they are more."""
    share = (most_bytes / (2 * maps.size)) ** 0.5 if maps.size else 1.0
    if share >= 1:
        return maps
    size = (max(1, int(maps.shape[1] * share)), max(1, int(maps.shape[2] * share)))
    return np.stack([enlarge(one, size) for one in maps])


def _corners(box: Box, size: tuple[int, int]) -> list[int]:
    """Top, left, bottom and right in whole pixels."""
    rows, columns = box_slices(box, size)
    return [rows.start, columns.start, rows.stop, columns.stop]


def colour_tables(names: Sequence[str] = COLOURS) -> dict[str, str]:
    """Colour maps by name, each 256 colours of three bytes as base64; the first is what the player begins with."""
    return {name: base64.b64encode(lut(name).tobytes()).decode("ascii") for name in names}


def asset(name: str) -> str:
    """The text of one of :data:`SCRIPTS` or of :data:`STYLE`."""
    return (files("videxplain.viz.player") / name).read_text(encoding="utf-8")


def player_page(
    data: PlayerData, mp4: bytes, colours: Sequence[str] = COLOURS, origin: str = "", note: str = ""
) -> str:
    """A page that holds everything: the clip, the maps, the player. It needs no other file and no connection.

    Args:
        data: What :func:`player_data` packed.
        mp4: The clip without its map, H.264, one constant frame rate.
        colours: Names of colour maps.
        origin: A line below the player, such as the weights of the network.
        note: What the file carries and the page does not show.
    """
    held = {
        "meta": data.meta,
        "maps": base64.b64encode(data.maps).decode("ascii"),
        "video": "data:video/mp4;base64," + base64.b64encode(mp4).decode("ascii"),
        "colours": colour_tables(colours),
    }
    # A '<' in a label must not end the script element.
    content = json.dumps(held, allow_nan=False).replace("<", "\\u003c")
    title = escape(" ".join(filter(None, (data.meta["title"], data.meta["label"] and f"for {data.meta['label']}"))))
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in data.meta["notes"])
    below = f'<p class="origin">{escape(origin)}</p>' if origin else ""
    scripts = "".join(f"<script>{asset(name)}</script>" for name in SCRIPTS)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="videxplain" content="{escape(note, quote=True)}">'
        f"<title>{title or 'explanation'}</title><style>{asset(STYLE)}{_PAGE_STYLE}</style></head>"
        f'<body><main><h1>{title}</h1>{notes}<div id="player"></div>{below}</main>{scripts}'
        f'<script type="application/json" id="held">{content}</script><script>{_START}</script></body></html>'
    )


def player_frame(data: PlayerData, mp4: bytes, width: int) -> str:
    """The same page as a frame in a notebook, so that neither's styles reach the other.

    Args:
        data: What :func:`player_data` packed.
        mp4: The clip without its map.
        width: Width of the clip on the page, in CSS pixels.
    """
    height = round(width * data.meta["height"] / data.meta["width"]) + _CONTROLS_HEIGHT + 40 * len(data.meta["notes"])
    return (
        f'<iframe srcdoc="{escape(player_page(data, mp4), quote=True)}" sandbox="allow-scripts" '
        f'title="{escape(data.meta["title"] or "explanation", quote=True)}" '
        f'style="width:{width + 32}px;max-width:100%;height:{height + 40}px;border:0"></iframe>'
    )


_PAGE_STYLE = """
body { margin: 0; background: #fff; }
main { max-width: 960px; margin: 0 auto; padding: 8px 16px 16px; }
h1 { font: 600 16px/1.4 system-ui, sans-serif; margin: 0 0 8px; color: #1f2328; overflow-wrap: anywhere; }
.note { font: 600 14px/1.4 system-ui, sans-serif; margin: 0 0 8px; color: #a61b1b; }
.origin { font: 13px/1.4 system-ui, sans-serif; margin: 8px 0 0; color: #57606a; overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) {
  body { background: #0f1216; } h1 { color: #e6e8eb; } .note { color: #ff9b94; } .origin { color: #9aa4af; }
}
"""
_START = """
const held = JSON.parse(document.getElementById("held").textContent);
const colours = Object.fromEntries(Object.entries(held.colours).map(([name, text]) => [name, videxplain.bytes(text)]));
window.player = new videxplain.Player(document.getElementById("player"), {
  meta: held.meta, maps: videxplain.bytes(held.maps), video: held.video, colours,
});
player.go(player.peak);
"""

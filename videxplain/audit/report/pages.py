"""Write the pages of the report."""

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from videxplain.files import replacing
from videxplain.viz.player.bundle import SCRIPTS, STYLE, asset, colour_tables

__all__ = ["PAGES", "Pages", "script_data"]

PAGES = (
    ("index.html", "Overview"),
    ("confusion.html", "Confusion matrix"),
    ("clips.html", "Clips"),
    ("classes.html", "Classes"),
    ("odd.html", "Odd ones out"),
)
_ASSETS = ("report.js", "lists.js", "matrix.js", "media.js", "clip.js", "compare.js", "charts.js", "report.css")


class Pages:
    """The folder of a report: templates are filled in here and nowhere else."""

    def __init__(
        self, folder: Path, *, title: str, footer: str, notes: Sequence[str], pages: Sequence[tuple[str, str]]
    ) -> None:
        """Every page shows the title, the links to all pages, the notes and the footer."""
        from jinja2 import Environment, PackageLoader, StrictUndefined

        self._folder = folder
        self._environment = Environment(
            loader=PackageLoader("videxplain.audit.report"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._shared = {"title": title, "footer": footer, "notes": list(notes), "pages": list(pages)}
        (folder / "assets").mkdir(parents=True, exist_ok=True)

    def write(self, page: str, template: str, **content: Any) -> None:
        """Write ``<page>.html``."""
        text = self._environment.get_template(template).render(page=page, **self._shared, **content)
        self._text(self._folder / f"{page}.html", text)

    def write_assets(self, data: Mapping[str, Any], charts: str) -> None:
        """Write the styles, the scripts and what they read."""
        place = self._folder / "assets"
        for name in (*SCRIPTS, STYLE):
            self._text(place / name, asset(name))
        for name in _ASSETS:
            source = files("videxplain.audit.report") / "assets" / name
            self._text(place / name, source.read_text(encoding="utf-8"))
        self._text(place / "vega.js", charts)
        self._text(place / "data.js", script_data("AUDIT", {**data, "colours": colour_tables()}))

    def _text(self, path: Path, text: str) -> None:
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def script_data(name: str, content: Mapping[str, Any]) -> str:
    """A script that sets ``window.<name>``; a page from disk may load scripts, and may not fetch JSON."""
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return f"window.{name} = {text.replace('<', chr(92) + 'u003c')};\n"

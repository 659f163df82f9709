"""Write the pages of a report: of an audit, or of concepts."""

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from videxplain.audit.report.charts import script
from videxplain.files import make_folder, replacing
from videxplain.viz.player.bundle import SCRIPTS, STYLE, asset, colour_tables

PAGES = (
    ("index.html", "Overview"),
    ("confusion.html", "Confusion matrix"),
    ("clips.html", "Clips"),
    ("classes.html", "Classes"),
    ("odd.html", "Odd ones out"),
)
_HERE = "videxplain.audit.report"
_ASSETS = ("report.js", "lists.js", "matrix.js", "media.js", "clip.js", "compare.js", "report.css")


class Pages:
    """The folder of a report. It fills in templates and copies assets."""

    def __init__(self, folder: Path, package: str = _HERE, **shared: Any) -> None:
        """Write into ``folder``. ``package`` has the templates and assets, and every template gets ``shared``.

        Templates of another package can extend ``base.html`` of this one, which has what all pages have.
        """
        from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

        self._folder, self._package, self._shared = folder, package, shared
        self._environment = Environment(
            loader=ChoiceLoader([PackageLoader(one) for one in dict.fromkeys((package, _HERE))]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        make_folder(folder / "assets")
        self._asset(_HERE, "pages.css")

    def write(self, name: str, template: str, **content: Any) -> None:
        """Write ``<name>.html`` from ``template``, which gets ``content``."""
        shared = {"page": name, "player_scripts": SCRIPTS, **self._shared}
        text = self._environment.get_template(template).render({**shared, **content})
        self._text(f"{name}.html", text)

    def copy(self, names: Sequence[str]) -> None:
        """Copy assets of the package, by their file names."""
        for name in names:
            self._asset(self._package, name)

    def write_charts(self, specs: Mapping[str, Any]) -> None:
        """Write the charts, by name as Vega-Lite, and the scripts that draw them."""
        self._asset(_HERE, "charts.js")
        self._text("assets/vega.js", script())
        self._data("chart-data.js", "CHARTS", specs)

    def write_assets(self, data: Mapping[str, Any], charts: Mapping[str, Any]) -> None:
        """Write the styles and scripts of an audit, their ``data``, and the charts."""
        for name in (*SCRIPTS, STYLE):
            self._text(f"assets/{name}", asset(name))
        self.copy(_ASSETS)
        self.write_charts(charts)
        self._data("data.js", "AUDIT", {**data, "colours": colour_tables()})

    def _data(self, file: str, name: str, content: Mapping[str, Any]) -> None:
        """Write a script that sets ``window.<name>``. A page from disk may load scripts, but may not fetch JSON."""
        text = json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        self._text(f"assets/{file}", f"window.{name} = {text.replace('<', chr(92) + 'u003c')};\n")

    def _asset(self, package: str, name: str) -> None:
        self._text(f"assets/{name}", (files(package) / "assets" / name).read_text(encoding="utf-8"))

    def _text(self, name: str, text: str) -> None:
        with replacing(self._folder / name) as temporary:
            # A file name that is not UTF-8 holds surrogates, which UTF-8 cannot hold.
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")

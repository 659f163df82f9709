"""The pages say what is there."""

from pathlib import Path

from videxplain.attribution.api import METHODS
from videxplain.attribution.registry import list_methods

DOCS = Path(__file__).parents[1] / "docs"


def test_the_table_of_methods_is_that_of_the_program():
    lines = [line for line in (DOCS / "methods.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    entries = [METHODS[name] for name in list_methods()]
    assert lines == [f"| `{one.name}` | {one.summary} | {one.cost} | {one.paper} |" for one in entries]


def test_every_page_can_be_reached():
    listed = (DOCS / "index.md").read_text(encoding="utf-8").split("```{toctree}")[1].split("```")[0].split()
    pages = {str(path.relative_to(DOCS).with_suffix("")) for path in DOCS.rglob("*.md")} - {"index"}
    assert pages == {name for name in listed if not name.startswith(":") and not name.isdigit()}

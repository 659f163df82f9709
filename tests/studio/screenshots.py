"""Draw the pictures of docs/studio.md: a studio with its rendered examples, in Chromium.

python -m tests.studio.screenshots [--out docs/images]
"""

import argparse
import tempfile
from pathlib import Path

from tests.browser import Chromium, page
from tests.studio.command import Command

DONE = '.pane[data-state="done"]'


def main() -> None:
    """Use the page as a visitor does, and keep what it looks like."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as where:
        studio = Command(Path(where) / "data")
        try:
            with Chromium() as browser:
                with page(browser, 1280, 860, offline=False, seconds=1200) as shown:
                    shown.set_default_timeout(600_000)
                    shown.goto(studio.address)
                    shown.get_by_text("kicking figure.mp4").click()
                    shown.wait_for_selector(DONE)
                    shown.click("#hide")
                    shown.wait_for_selector("#tried tbody tr:nth-child(2)")
                    shown.wait_for_timeout(500)
                    shown.evaluate("window.scrollTo(0, 0)")
                    shown.screenshot(path=given.out / "studio.png", full_page=True)
                    address = shown.url
                    shown.goto(address + "?method=saliency&beside=" + "clip%3D" + address.rpartition("/")[2])
                    shown.wait_for_selector(f"{DONE} + {DONE}")
                    shown.wait_for_timeout(500)
                    shown.screenshot(path=given.out / "studio-beside.png")
                with page(browser, 390, 844, offline=False, seconds=1200) as shown:
                    shown.set_default_timeout(600_000)
                    shown.emulate_media(color_scheme="dark")
                    shown.goto(address)
                    shown.wait_for_selector(DONE)
                    shown.wait_for_timeout(500)
                    shown.screenshot(path=given.out / "studio-phone.png")
        finally:
            studio.end()


if __name__ == "__main__":
    main()

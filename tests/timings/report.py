"""Seconds until the matrix and the list of a report of 13,000 videos and 400 classes stand there in Chromium.

    python -m tests.timings.report [--rounds 5]

Run it in the repository's folder. The rows are made up. A round opens the page from disk, and then filters the list.
"""

import argparse
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.audit.many import write_many
from tests.browser import Chromium, page

SAYS = "words => document.getElementById('count').textContent === words"


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    opened, filtered = [], []
    with TemporaryDirectory() as folder, Chromium() as browser:
        address = write_many(Path(folder)).as_uri()
        for _ in range(parser.parse_args().rounds):
            with page(browser) as shown:
                begun = time.perf_counter()
                shown.goto(address)
                shown.wait_for_function(SAYS, arg="13,000 of 13,000 clips")
                opened.append(time.perf_counter() - begun)
                begun = time.perf_counter()
                shown.locator("select[name=known]").select_option("no")
                shown.wait_for_function(SAYS, arg="130 of 13,000 clips")
                filtered.append(time.perf_counter() - begun)
    print(f"opened in {statistics.median(opened):.2f} s, filtered in {statistics.median(filtered):.2f} s")


if __name__ == "__main__":
    main()

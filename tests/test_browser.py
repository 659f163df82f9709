import pytest

from tests.browser import BrowserHungError, Chromium, page


@pytest.mark.browser
def test_a_page_that_hangs_ends_its_test_and_no_other():
    with Chromium() as browser:
        with page(browser):
            pass  # it has started
        with pytest.raises(BrowserHungError, match="ended after 3 s"), page(browser, seconds=3) as shown:
            shown.evaluate("while (true);")
        with page(browser) as shown:
            assert shown.evaluate("6 * 7") == 42

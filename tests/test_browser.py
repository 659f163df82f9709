import pytest

from tests.browser import BrowserHungError, Chromium, page, until


@pytest.mark.browser
def test_a_page_that_hangs_ends_its_test_and_no_other():
    with Chromium() as browser:
        with page(browser):
            pass  # it has started
        with pytest.raises(BrowserHungError, match="ended after 3 s"), page(browser, seconds=3) as shown:
            shown.evaluate("while (true);")
        with page(browser) as shown:
            assert shown.evaluate("6 * 7") == 42


@pytest.mark.browser
def test_what_comes_later_is_waited_for_where_strings_are_not_evaluated():
    with Chromium() as browser, page(browser) as shown:
        shown.set_content("""<meta http-equiv="Content-Security-Policy" content="script-src 'self'"><p></p>""")
        later = shown.evaluate("performance.now()") + 500
        with pytest.raises(Exception, match="unsafe-eval"):
            shown.wait_for_function(f"performance.now() >= {later}")
        until(shown, f"performance.now() >= {later}")
        assert shown.evaluate("performance.now()") >= later

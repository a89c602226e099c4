"""The page of the tiny network, in Chromium."""

import browser
import pytest


@pytest.fixture(scope="session")
def page_folder(exported):
    if reason := browser.absent() or browser.without_page():
        pytest.skip(reason)
    return exported("web")[0]


@pytest.fixture(scope="session")
def driver(page_folder):
    """Chromium with the page, its network loaded."""
    with browser.served(page_folder) as url, browser.browser() as one:
        one.get(url)
        browser.wait_for(one, "document.documentElement.dataset.ready")
        yield one


@pytest.fixture
def page(driver):
    """The driver of a page without answers."""
    driver.execute_script("document.getElementById('results').replaceChildren()")
    return driver

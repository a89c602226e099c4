"""Chromium without a window, driven by Selenium: for tests of what runs in a browser."""

import contextlib
import os
import shutil
import tempfile
import threading

NOT_TESTED = "NOT TESTED IN A BROWSER"  # what begins so is told at the end of the tests
PROGRAMS = ("chromium", "chromedriver")  # Debian's packages chromium and chromium-driver
FLAGS = (
    "--headless=new",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


def absent():
    """Why there is no browser here, a sentence; empty where there is one."""
    gone = [name for name in PROGRAMS if shutil.which(name) is None]
    if gone:
        return (
            f"{NOT_TESTED}: {' and '.join(gone)} not found, so nobody knows whether the page of "
            "format web runs. On Debian: apt-get install chromium chromium-driver"
        )
    return ""


def without_page():
    """Why no page can be written here, a sentence; empty where it can, or npm may bring it."""
    from keras_kd.export.web import litert_js

    try:
        litert_js.check()
    except ValueError as error:
        return f"{NOT_TESTED}: {error}"
    return ""


@contextlib.contextmanager
def browser(width=1100, height=900, *flags):
    """A Selenium driver of a fresh Chromium, which ends with the block."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which(PROGRAMS[0])
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # Chromium keeps its sandbox from root, as which containers run tests.
    own = [*flags, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with tempfile.TemporaryDirectory() as profile:
        for flag in (*FLAGS, *own, f"--window-size={width},{height}", f"--user-data-dir={profile}"):
            options.add_argument(flag)
        service = webdriver.ChromeService(shutil.which(PROGRAMS[1]))
        driver = webdriver.Chrome(options=options, service=service)
        driver.set_script_timeout(60)
        try:
            yield driver
        finally:
            driver.quit()


@contextlib.contextmanager
def served(folder):
    """The address of a folder that is served while the block lasts."""
    from keras_kd.export.web.serve import server

    with server(folder, 0) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        try:
            yield running.url
        finally:
            running.shutdown()
            thread.join()


def wait_for(driver, condition, seconds=60):
    """What a JavaScript expression gives once it is truthy."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, seconds, 0.05).until(
        lambda one: one.execute_script(f"return {condition}")
    )


def awaited(driver, code, *arguments):
    """What an asynchronous function body returns, with `arguments`; an error is raised here."""
    answer = driver.execute_async_script(
        "const done = arguments[arguments.length - 1], given = [...arguments].slice(0, -1);"
        f"(async (...arguments) => {{ {code} }})(...given)"
        ".then((value) => done({value}), (error) => done({error: String(error)}))",
        *arguments,
    )
    if "error" in answer:
        raise AssertionError(answer["error"])
    return answer["value"]

"""A headless Chromium, as Debian packages it; without it these tests are skipped, visibly."""

import os
import shutil

import pytest

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="session")
def browser():
    from selenium import webdriver

    paths = shutil.which("chromium"), shutil.which("chromedriver")
    if None in paths:
        # Who has brought axe-core wants to see all of it run.
        miss = pytest.fail if "LAB_AXE" in os.environ else pytest.skip
        miss("no Chromium: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = paths[0]
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(paths[1]))
    yield driver
    driver.quit()

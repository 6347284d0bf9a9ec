"""The page of `lab report` in headless Chromium: `python -m pytest tests/browser`.

With the file of axe-core in the environment variable LAB_AXE, its rules of accessibility are checked, too.
"""

import base64
import os
import re
import shutil
from pathlib import Path

import pytest

from lab import explore
from lab.report import report

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    home = tmp_path_factory.mktemp("pages")
    shutil.copytree(ROOT / "results" / "tutorial", home / "results")
    explore("ticket_sale", guards=["none", "lock"], out=home / "exploration")
    return {name: report(home / name) for name in ("results", "exploration")}


@pytest.fixture
def page(browser, pages):
    """Opens a page, wide and light unless told otherwise."""

    def opened(name, width=1280, scheme="light"):
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
        )
        media = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        features = [{"name": name, "value": value} for name, value in media.items()]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        browser.get_log("browser")
        browser.get(f"file://{pages[name]}")
        return browser

    return opened


@pytest.fixture(params=["results", "exploration"])
def either(page, request):
    return lambda **how: page(request.param, **how)


def column(browser, header):
    return browser.execute_script(
        """const table = document.querySelector("table.sortable");
        const place = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent.trim() === arguments[0]);
        return [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => row.cells[place].textContent)""",
        header,
    )


def press(browser, header):
    for button in browser.find_elements("css selector", "table.sortable th button"):
        if button.text.strip() == header:
            button.click()


def keys(browser, *names):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    chain = ActionChains(browser)
    for name in names:
        chain.send_keys(getattr(Keys, name))
    chain.perform()


def test_a_page_loads_without_an_error_in_the_console(either):
    assert either().get_log("browser") == []


def test_a_table_is_sorted_by_numbers_up_and_down(page):
    browser = page("results")
    numbers = [float(text.split()[0]) for text in column(browser, "violations")]

    for expected, direction in ((sorted(numbers), "ascending"), (sorted(numbers, reverse=True), "descending")):
        press(browser, "violations")
        assert [float(text.split()[0]) for text in column(browser, "violations")] == expected
        assert browser.find_element("css selector", "th[aria-sort]").get_attribute("aria-sort") == direction


def test_a_missing_number_is_sorted_last_in_both_directions(page):
    browser = page("results")

    for _ in range(2):
        press(browser, "times unguarded")
        shown = column(browser, "times unguarded")
        assert shown == sorted(shown, key=lambda text: text == "")


def test_a_table_is_filtered_by_what_is_chosen(page):
    from selenium.webdriver.support.ui import Select

    browser = page("results")
    total = len(column(browser, "guard"))
    Select(browser.find_element("css selector", "select[data-filter=guard]")).select_by_visible_text("lock")
    Select(browser.find_element("css selector", "select[data-filter=processes]")).select_by_visible_text("5")

    assert set(column(browser, "guard")) == {"lock"}
    assert set(column(browser, "processes")) == {"5"}
    shown = len(column(browser, "guard"))
    assert browser.find_element("css selector", ".count").text == f"{shown} of {total} cells"


def where(browser):
    return browser.find_element("css selector", ".where").text


def test_one_steps_through_a_schedule_by_buttons_and_sees_the_shared_state_change(page):
    browser = page("exploration")
    buttons = {button.text: button for button in browser.find_elements("css selector", ".buttons button")}
    buttons["First"].click()
    assert where(browser) == "step 0 of 10"
    assert not buttons["◀ Back"].is_enabled()

    states = []
    for _ in range(10):
        buttons["Forward ▶"].click()
        states.append(browser.find_element("css selector", ".state dl").text)
    assert where(browser) == "step 10 of 10"
    assert not buttons["Forward ▶"].is_enabled()
    assert "{'count': 1}" in states[0]
    assert "(empty)" in "".join(states)
    assert "{'count': 0}" in states[-1]


def test_arrow_keys_home_and_end_step_as_well(page):
    browser = page("exploration")
    browser.execute_script("document.querySelector('.chart').focus()")

    keys(browser, "HOME")
    assert where(browser) == "step 0 of 10"
    keys(browser, "ARROW_RIGHT", "ARROW_RIGHT", "ARROW_RIGHT", "ARROW_LEFT")
    assert where(browser) == "step 2 of 10"
    keys(browser, "END")
    assert where(browser) == "step 10 of 10"


def test_all_controls_can_be_reached_by_the_keyboard(page):
    browser = page("results")
    reached = set()
    for _ in range(45):
        keys(browser, "TAB")
        reached.add(browser.execute_script("return document.activeElement.tagName"))

    assert {"A", "SELECT", "BUTTON", "DIV"} <= reached


def test_hovering_an_operation_shows_its_value_and_source_line(page):
    from selenium.webdriver.common.action_chains import ActionChains

    browser = page("exploration")
    ActionChains(browser).move_to_element(browser.find_element("css selector", ".step.read rect")).perform()
    told = browser.find_element("css selector", ".now").text

    assert re.search(r"at ticket_sale\.py:\d+", told)
    assert "value {'count': 1}" in told


def test_the_racing_pair_is_marked_and_joined_by_a_line(page):
    browser = page("exploration")

    assert len(browser.find_elements("css selector", ".step.in-pair")) == 2
    assert len(browser.find_elements("css selector", "path.pair")) == 1


def test_on_a_phone_nothing_but_tables_scrolls_sideways(either):
    browser = either(width=390)

    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390


def test_a_table_that_goes_on_to_the_right_is_shaded_there_until_its_end_is_reached(page):
    browser = page("results")
    table = "document.querySelector('#table .scroll')"
    is_shaded = f"return {table}.classList.contains('goes-on')"
    assert not browser.execute_script(is_shaded), "on a wide screen the whole table is seen"

    browser = page("results", width=390)
    assert browser.execute_script(is_shaded)
    assert not browser.execute_async_script(
        f"{table}.scrollLeft = 9999; requestAnimationFrame(() => requestAnimationFrame(() => arguments[0]("
        f"{table}.classList.contains('goes-on'))))"
    )


def test_the_dark_page_is_dark(either):
    light = either().execute_script("return getComputedStyle(document.body).backgroundColor")
    dark = either(scheme="dark").execute_script("return getComputedStyle(document.body).backgroundColor")

    assert (light, dark) == ("rgb(255, 255, 255)", "rgb(20, 23, 28)")


def test_it_can_be_printed_with_all_steps_unfolded(page):
    browser = page("exploration")
    assert browser.execute_script("return document.querySelectorAll('details:not([open])').length") == 1
    pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {})["data"])

    assert pdf.startswith(b"%PDF")
    assert browser.execute_script("return document.querySelectorAll('details:not([open])').length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(either, scheme):
    axe = os.environ.get("LAB_AXE")
    if axe is None:
        pytest.skip("no axe-core: npm install axe-core, and LAB_AXE=…/axe-core/axe.min.js")
    browser = either(scheme=scheme)
    browser.execute_script(Path(axe).read_text())
    found = browser.execute_async_script("axe.run(document).then(arguments[0])")

    serious = [
        (one["id"], one["help"], [node["html"][:200] for node in one["nodes"]][:3])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []
    assert len(found["passes"]) > 10

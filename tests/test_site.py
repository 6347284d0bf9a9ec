"""The site is built from the pages without a warning, and its reference from the code."""

import html
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import click
import pytest

import lab
from lab.cli import compare, main

ROOT = Path(__file__).parent.parent
PAGES = sorted(page.stem for page in (ROOT / "docs").glob("*.md"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site. A warning fails: of a page that stands in no list, of a link that leads nowhere."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", folder / "cache", "docs", folder]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (0, "")
    return folder


def text_of(page):
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text()))


def test_every_page_is_built_and_the_first_one_lists_it(site):
    listed = re.findall(r'<a class="reference internal" href="([\w-]+)\.html">', (site / "index.html").read_text())

    assert sorted({*listed, "index"}) == PAGES
    assert [page for page in PAGES if not (site / f"{page}.html").exists()] == []


def test_no_page_needs_the_network(site):
    loaded = [
        re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(\w+:|//)', page.read_text())
        for page in site.glob("*.html")
    ]

    assert loaded
    assert not any(loaded)


@pytest.mark.parametrize("verb", main.verbs())
def test_the_reference_has_every_option_of_a_verb_with_its_meaning(site, verb):
    text = text_of(site / "verbs.html").partition(f"\nlab {verb} [OPTIONS]")[2].partition(" [OPTIONS]")[0]
    options = [one for one in main.verbs()[verb].params if isinstance(one, click.Option)]

    assert [one.name for one in options if one.opts[0] not in text or one.help.replace("`", "") not in text] == []


def test_the_reference_has_every_public_name(site):
    described = re.findall(r'<dt class="sig [^"]*" id="lab\.(\w+)">', (site / "api.html").read_text())

    assert sorted(described) == lab.__all__


def test_the_reference_has_every_exit_code(site):
    told = text_of(site / "verdicts.html").partition("\nExit codes")[2]
    codes = {lab.LabError.exit_code, lab.OutputError.exit_code, main.DEFECT, main.INTERRUPTED, *compare._CODES.values()}

    assert [code for code in codes if not re.search(rf"\b{code} [a-z]", told)] == []


@pytest.mark.parametrize("kind", [lab.Schedule, lab.Explored, lab.Finding], ids=lambda kind: kind.__name__)
def test_the_reference_has_all_that_the_files_of_a_search_hold(site, kind):
    told = (site / "files.html").read_text()
    elsewhere = {"findings", "outcome", "file"} if kind is not lab.Schedule else set()

    assert {one.name for one in fields(kind) if f'<span class="pre">{one.name}</span>' not in told} <= elsewhere

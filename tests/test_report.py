"""`lab report`: one page that needs nothing else, whatever users have named their things."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lab import explore, race, run
from lab.report import report
from lab.report.page import _coded, inline_svgs

ROOT = Path(__file__).parent.parent

HOSTILE = '''
import lab


class Hostile(lab.Scenario):
    """</title><script>alert(1)</script>"""

    label: str = "</script><b>"

    outcomes = {
        "lost</script><i>": lab.violation("<img src=x onerror=alert(2)>"),
        "ok": lab.ok("fine & well"),
    }
    guards = ("none", "lock")
    stores = ("memory",)

    def setup(self, world):
        world.store.write({"<u>": 0})

    def section(self, world, actor):
        count = world.store.read()["<u>"]
        world.sleep(0.001)
        world.store.write({"<u>": count + 1})

    def judge(self, world, returns):
        is_lost = world.store.read()["<u>"] < len(returns)
        return lab.Judgement("lost</script><i>" if is_lost else "ok", {})
'''


class Page(HTMLParser):
    """Tags, attributes and ids of a page, its text without scripts, and the data of its stories."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.attributes, self.ids, self.text, self.stories = [], [], [], "", []
        self._in = ""
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        self.ids += [value for name, value in attributes if name == "id"]
        self._in = "data" if ("class", "data") in attributes else tag if tag in ("script", "style") else ""

    def handle_endtag(self, tag):
        self._in = ""

    def handle_data(self, data):
        if self._in == "data":
            self.stories.append(json.loads(data))
        elif not self._in:
            self.text += data


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "tutorial"
    shutil.copytree(ROOT / "results" / "tutorial", folder)
    report(folder)
    return folder


@pytest.fixture(scope="module")
def explored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "explored"
    explore("ticket_sale", guards=["none", "lock"], out=folder)
    report(folder)
    return folder


def test_the_page_of_the_tutorial_is_below_two_megabytes_and_needs_no_network(tutorial):
    path = tutorial / "report.html"
    links = [value for name, value in Page(path).attributes if name in ("href", "src", "xlink:href", "action")]

    assert path.stat().st_size < 2_000_000
    assert [link for link in links if not link.startswith(("#", "data:"))] == []
    assert not re.search(r"@import|url\((?!#)", path.read_text())


def test_its_parts_stand_in_the_order_in_which_one_asks(tutorial):
    titles = ["Findings", "Rates and times", "Pictures", "Outcomes", "A failing trial, step by step", "Machine"]

    assert re.findall(r"<h2[^>]*>(.*?)</h2>", (tutorial / "report.html").read_text()) == [*titles, "Do it again"]


def test_pictures_of_one_page_share_no_id(tutorial):
    page = Page(tutorial / "report.html")

    assert len(page.ids) == len(set(page.ids)) > 100
    pictures = inline_svgs((tutorial / "plots").glob("*.svg"))
    for picture in pictures:
        svg = str(picture["svg"])
        assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)) != set()
        assert {a or b for a, b in re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)} <= set(
            re.findall(r'\bid="([^"]+)"', svg)
        )


def test_outcomes_are_graded_and_counted_with_intervals(tutorial):
    text = " ".join(Page(tutorial / "report.html").text.split())

    assert "oversold violation" in text
    assert "5,000: 100 % [99.926, 100]" in text
    assert "oversold: more tickets were sold than there were" in text


def test_each_scenario_that_went_wrong_has_a_failing_trial(tutorial):
    page = Page(tutorial / "report.html")

    titles = [story["title"].partition(",")[0] for story in page.stories]
    assert titles == ["ticket_sale", "check_ticket", "ktv", "traffic_light"]
    assert "stuck_light, guard none, 1 process: hang" in page.text  # nobody does anything there, so there is no step
    assert "which nobody is left to set" in page.text


def test_the_steps_of_a_failing_trial_tell_who_changed_what(explored):
    (story,) = Page(explored / "report.html").stories

    assert story["actors"] == ["buyer 0", "buyer 1"]
    earlier, later = (story["steps"][place] for place in story["pair"])
    assert (earlier["kind"], later["kind"]) == ("read", "write")
    assert earlier["actor"] != later["actor"]
    assert later["state"] == {"the store": "{'count': 0}"}
    assert story["sentence"].endswith("nothing orders the two")


def test_who_holds_and_who_waits_is_told_at_each_step(tmp_path):
    explore("ticket_sale", guards=["semaphore(2)"], processes=[3], executions=200, out=tmp_path / "e")
    (story,) = Page(report(tmp_path / "e")).stories

    held = [actor for step in story["steps"] for actor in step["holds"]]
    assert {"0", "1", "2"} == set(held)
    assert all(len(step["holds"]) <= 2 for step in story["steps"])


def test_an_exploration_has_its_verdicts_its_machine_and_the_commands_that_do_it_again(explored):
    page = Page(explored / "report.html")
    text = " ".join(page.text.split())

    assert "guard none on json_file, 2 processes. FOUND: a schedule breaks it." in text
    assert "guard lock on json_file, 2 processes. PROVED: no schedule breaks it." in text
    assert "search the same againlab explore ticket_sale --guards none,lock" in text
    assert f"lab replay {explored}/1-none-oversold.json" in text
    assert re.search(r"Machine\s*cores\d+.*start methodfork.*Do it again", text)


def test_a_folder_that_was_moved_is_told_as_well(explored, tmp_path):
    shutil.copytree(explored, tmp_path / "moved")

    assert len(Page(report(tmp_path / "moved")).stories) == 1


def test_a_script_is_told_as_a_scenario_is(tmp_path, lab):
    shutil.copy(ROOT / "tests" / "programs" / "lock_order.py", tmp_path)
    assert lab("explore", "lock_order.py", "--out", "e", "-q")[0] == 1
    code, out, _ = lab("report", "e")

    assert (code, out) == (0, "e/report.html\n")
    (story,) = Page(tmp_path / "e" / "report.html").stories
    assert story["actors"] == ["main", "Process-1", "Process-2"]
    assert sorted(story["steps"][-1]["waits"]) == ["1", "2"]


@pytest.mark.parametrize(
    ("check", "told"),
    [
        (lambda returns: False, "lab.replay('"),
        (lambda returns: True, "by no command"),
    ],
    ids=["found", "proved"],
)
def test_what_no_command_can_do_again_is_told(tmp_path, check, told):
    explore(lambda: None, processes=1, check=check, out=tmp_path / "e")
    text = " ".join(Page(report(tmp_path / "e")).text.split())

    assert told in text.rpartition("Do it again")[2]
    assert "lab replay" not in text


def test_the_shared_state_of_a_script_is_its_data_and_not_the_lock_of_a_value(tmp_path):
    shutil.copy(ROOT / "tests" / "programs" / "value_add.py", tmp_path)
    explore(tmp_path / "value_add.py", out=tmp_path / "e")
    (story,) = Page(report(tmp_path / "e")).stories

    assert [name.partition(" ")[0] for name in story["steps"][-1]["state"]] == ["value"]
    assert not any("lock" in step["text"] for step in story["steps"])


REPLACES = """
import os
from multiprocessing import Process

def add(me):
    with open("count") as file:
        count = int(file.read())
    with open(f"count.{me}", "w") as file:
        file.write(str(count + 1))
    os.replace(f"count.{me}", "count")
    print(count)

if __name__ == "__main__":
    with open("count", "w") as file:
        file.write("0")
    both = [Process(target=add, args=(me,)) for me in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
"""


def test_a_file_that_is_replaced_changes_the_shared_state_and_is_half_of_the_racing_pair(tmp_path):
    (tmp_path / "add.py").write_text(REPLACES)
    explore(tmp_path / "add.py", out=tmp_path / "e")
    (story,) = Page(report(tmp_path / "e")).stories

    opened, replaced = story["pair"]
    assert [story["steps"][place]["text"] for place in (opened, replaced)] == [
        "open 'count'",
        "replace 'count.1' to 'count'",
    ]
    assert story["steps"][replaced - 1]["state"] == {"file 'count'": "'0'", "file 'count.1'": "'1'"}
    assert story["steps"][replaced]["state"] == {"file 'count'": "'1'"}


def test_scripts_that_were_raced_go_by_their_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "add.py").write_text(REPLACES)
    (tmp_path / "say.py").write_text("print(1)")
    race("add.py", "say.py", trials=3, out="r")
    page = Page(report("r"))

    assert re.search(r"add.py: in .* of 3 trials .* it ended as", page.text)
    assert re.search(r"say.py: in 100 % of 3 trials .* it ended, and nobody says how it should", page.text)
    assert re.search(r"median wall\W+add.py\W+3", page.text)
    assert str(tmp_path) not in page.text


def test_what_stands_between_backticks_is_code_and_still_text():
    assert str(_coded("`<b>` & `c` `")) == "<code>&lt;b&gt;</code> &amp; <code>c</code> `"


def test_whatever_users_name_their_things_it_stays_text(tmp_path, monkeypatch):
    (tmp_path / "hostile.py").write_text(HOSTILE)
    monkeypatch.chdir(tmp_path)
    run("hostile.py:Hostile", trials=20, processes=[2], out=tmp_path / "r")
    explore("hostile.py:Hostile", guards=["none"], out=tmp_path / "e")

    for folder in ("r", "e"):
        page = Page(report(tmp_path / folder))
        assert page.tags.count("script") == 1 + len(page.stories) == 2
        assert {"b", "i", "u", "img"}.isdisjoint(page.tags)
        assert "lost</script><i>" in page.text
        assert page.stories[0]["title"].endswith("lost</script><i>")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: None, "holds no results and no exploration"),
        (lambda folder: (folder / "exploration.json").write_text("{"), "expected what `lab explore` wrote"),
        (lambda folder: (folder / "exploration.json").write_text("[]"), "expected what `lab explore` wrote"),
        (lambda folder: (folder / "exploration.json").write_text('{"cells": [{}]}'), "expected what `lab explore`"),
    ],
)
def test_a_folder_that_holds_nothing_to_report_is_one_message_and_exit_code_2(lab, tmp_path, make, said):
    (tmp_path / "folder").mkdir()
    make(tmp_path / "folder")
    code, out, err = lab("report", "folder")

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_a_page_that_cannot_be_written_is_exit_code_3(lab, explored, tmp_path, monkeypatch):
    def full(path, text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lab.report.write_atomically", full)
    code, _, err = lab("report", str(explored))

    assert code == 3
    assert err.startswith(f"lab: can't write {explored}/report.html: No space left on device. Make room there")

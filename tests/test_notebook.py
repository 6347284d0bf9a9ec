"""In a notebook results and explorations show themselves as tables, in which whatever users name is text."""

import ast
import re
from pathlib import Path

import nbclient
import nbformat

import lab
from lab import Exploration, ok, violation
from lab.exploring import explore


class Scripted(lab.Scenario):
    """Named so that it would do harm where it is not escaped."""

    tag: str = "<script>alert(1)</script>"
    outcomes = {"bad": violation("<b>never</b>"), "ok": ok("fine")}
    guards = ("none",)
    stores = ("memory",)

    def setup(self, world):
        world.store.write({"count": 0})

    def section(self, world, actor):
        world.store.write({"count": world.store.read()["count"] + 1})

    def judge(self, world, returns):
        return self.first({}, bad=world.store.read()["count"] < len(returns))


def test_results_show_rates_with_their_intervals(tmp_path):
    results = lab.run(
        "ticket_sale",
        engine="simulated",
        guards=["none", "lock"],
        processes=[5],
        trials=50,
        out=tmp_path / "<i>results",
    )
    shown = results._repr_html_()

    assert "&lt;i&gt;results" in shown
    assert shown.count("<tr") == 9
    assert "0 % [0, 7" in shown
    assert re.search(r"<td>\d\d % \[\d\d, \d\d\]</td>", shown)


def test_an_exploration_shows_its_verdict_and_the_schedules_and_escapes_what_is_not_its_own(tmp_path):
    found: Exploration = explore(Scripted.reference, processes=[2], out=tmp_path / "found")
    shown = found._repr_html_()

    assert "<b>found</b>" in shown
    assert "&lt;b&gt;never&lt;/b&gt;" in shown
    assert "1-none-bad.json" in shown


def test_a_replay_shows_its_operations_and_escapes_what_they_wrote(tmp_path):
    def write():
        with open("page.html", "w") as file:  # noqa: PTH123 - as a user would
            file.write("<i>")

    found = lab.explore(write, processes=1, check=lambda returns: False, out=tmp_path / "found")
    shown = lab.replay(found.cells[0].findings[0].file)._repr_html_()

    assert re.search(r"test_notebook.py:\d+ .*write file &#x27;page.html&#x27;: &#x27;&lt;i&gt;&#x27;", shown)
    assert "<i>" not in shown


def test_a_replay_of_a_scenario_shows_its_columns(tmp_path):
    found = lab.explore(Scripted, guards=["none"], processes=[2], out=tmp_path / "found")
    shown = lab.replay(found.cells[0].findings[0].file)._repr_html_()

    assert "<b>bad</b>" in shown
    assert "<pre>step" in shown


def test_the_cells_of_the_page_run_and_what_they_end_in_shows_itself(tmp_path, monkeypatch, no_pictures):
    page = Path(__file__).parent.parent / "docs" / "notebook.md"
    monkeypatch.chdir(tmp_path)
    names, shown = {}, []
    for cell in re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL):
        *statements, last = ast.parse(cell).body
        exec(compile(ast.Module(statements, []), "cell", "exec"), names)
        shown.append(eval(compile(ast.Expression(last.value), "cell", "eval"), names)._repr_html_())

    assert [
        next(word for word in ("violation_rate", "<b>proved", "violations", "sold") if word in one) for one in shown
    ] == [
        "violations",
        "violation_rate",
        "sold",
        "<b>proved",
    ]


def test_a_notebook_runs_and_shows_both_and_what_a_cell_defines_is_searched(tmp_path):
    cells = [
        "import lab",
        "lab.run('ticket_sale', engine='simulated', guards=['lock'], processes=[2], trials=20, out='results/a')",
        "lab.explore('ticket_sale', guards=['lock'], processes=[2], out='results/b')",
        "from multiprocessing import Value\ntotal = Value('i', 0)\n\ndef add():\n    total.value += 1",
        "found = lab.explore(add, check=lambda returns: total.value == 2, out='results/c')\nfound",
        "lab.replay(found.cells[0].findings[0].file)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}, timeout=100).execute()
    shown = ["".join(output.get("data", {}).get("text/html", "") for output in cell.outputs) for cell in notebook.cells]

    assert "0 % [0, 17" in shown[1]
    assert "<b>proved</b>" in shown[2]
    assert "<b>found</b>, function add" in shown[4]
    assert "In[4]:5" in shown[5]

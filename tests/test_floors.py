"""The floors of the house (STYLE.md, section 3), read from the syntax trees: imports point down only.

Imports under `if TYPE_CHECKING` are free: they run nowhere. Imports within functions count.
"""

import ast
from pathlib import Path

import pytest

import lab

HOME = Path(lab.__file__).parent

FLOORS = [
    ["errors", "delays", "draws", "trial", "statistics", "medians", "writing"],
    ["world", "scenario", "guard", "store", "cell", "scheduler", "execution", "schedule", "exploration", "kinds"],
    ["scenarios", "guards", "stores"],
    [
        "engines",
        "schedulers",
        "search",
        "subtrees",
        "cell_search",
        "happens_before",
        "conflict",
        "renaming",
        "loose_ends",
        "standing",
        "deadlock",
        "script",
        "script_oracle",
        "script_search",
        "script_run",
        "carrying",
        "pipe_ends",
        "function",
    ],
    ["experiments", "archive", "environment"],
    ["results", "summary", "summary_file"],
    [
        "plots",
        "findings",
        "rows",
        "verbs",
        "again",
        "exploring",
        "replaying",
        "script_exploring",
        "searching",
        "racing",
        "comparing",
        "report",
        "explanation",
        "timeline",
    ],
    ["cli", "__main__", "pytest_plugin", "pytest_checks"],
]
FLOOR_OF = {package: number for number, packages in enumerate(FLOORS) for package in packages}

HEAVY = {"pandas", "matplotlib", "click", "rich"}
BELOW_HEAVY = 4
PURE = {"lab.statistics": {"lab.errors"}, "lab.medians": {"lab.statistics"}}
"""Modules that import nothing of lab but these."""

EXCEPTIONS = {
    ("lab.engines.rows", "SystemExit"): "a setup or judge that exits must not end lab in silence",
    ("lab.engines.real.worker", "os._exit"): "ends a copy of an actor that a body forked",
    ("lab.scenario", "SystemExit"): "a user's file that exits while it is imported must not end lab in silence",
    ("lab.engines.controlled.inside.calls", "SystemExit"): "is the script that a function becomes, and ends as one",
    ("lab.engines.controlled.inside.calls", "print"): "prints what the calls returned, which is part of its ending",
    ("lab.engines.controlled.inside.channel", "os._exit"): "ends a process of a script whose controller is gone",
    ("lab.engines.controlled.inside.free", "os._exit"): "gives scripts an os._exit that writes down that they end",
    ("lab.engines.controlled.inside.processes", "os._exit"): "gives scripts an os._exit that asks first",
    ("lab.engines.controlled.inside.program", "SystemExit"): "a script may end by it, as Python's own",
    ("lab.engines.controlled.inside.program", "sys.argv"): "gives a script its arguments",
    ("lab.engines.controlled.inside.program", "sys.stdout"): "flushes what a script has printed",
    ("lab.engines.controlled.inside.program", "sys.stderr"): "writes there what a script ends with",
    ("lab.engines.controlled.inside.rehearsal", "sys.stdout"): "prints as a script would, to nobody",
    (
        "lab.engines.controlled.inside.spawned",
        "SystemExit",
    ): "to a fork server's child it is an end like any other",
    ("lab.engines.controlled.inside.warm", "lab.engines.scratch"): "sweeps after its owner; needs no more than it does",
    ("lab.engines.controlled.inside.warm", "os._exit"): "ends an execution, a copy of itself, as the script asked",
    ("lab.engines.controlled.inside.warm", "sys.argv"): "is run as a script, which is told its channel so",
    ("lab.engines.mirrored.participant", "os._exit"): "ends a copy of an actor that a body forked",
    ("lab.engines.real.awake", "sys.argv"): "is run as a script, which is told its cores so",
    ("lab.engines.scratch", "sys.argv"): "is run as a script, the janitor, which is told its folders so",
    ("lab.engines.simulated.session", "lab.schedulers.by_time"): "virtual time is what `run` means there",
    ("lab.guards", "lab.guards.*"): "the registry of its package names every guard",
    ("lab.stores", "lab.stores.*"): "the registry of its package names every store",
}


# Reading -----------------------------------------------------------------------------------------------------------


def module_name(path):
    parts = path.relative_to(HOME.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {module_name(path): ast.parse(path.read_text()) for path in sorted(HOME.rglob("*.py"))}
MODULES = [name for name in TREES if name != "lab"]


def running(tree):
    """Every node that may run, `if TYPE_CHECKING:` left out."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            for node in child.orelse:
                yield node
                yield from running(node)
        else:
            yield child
            yield from running(child)


def imports_of(tree):
    """The modules that a tree imports; of `from lab import draws`, lab.draws."""
    found = set()
    for node in running(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute, so that they can be read here"
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {member if member in TREES else node.module for member in members}
    return found


IMPORTS = {name: imports_of(tree) for name, tree in TREES.items()}


def package(module):
    return module.split(".")[1]


def of_lab(modules):
    return {module for module in modules if module.startswith("lab.")}


def is_excepted(module, found):
    return any(
        module == where and (found == what or (what.endswith("*") and found.startswith(what[:-1])))
        for where, what in EXCEPTIONS
    )


def forbidden(module, is_wrong):
    return sorted(found for found in IMPORTS[module] if is_wrong(found) and not is_excepted(module, found))


# Rules -------------------------------------------------------------------------------------------------------------


def test_every_module_stands_on_a_floor():
    assert {package(module) for module in MODULES} <= set(FLOOR_OF)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down_only(module):
    own = FLOOR_OF[package(module)]
    assert forbidden(module, lambda found: found in TREES and found != "lab" and FLOOR_OF[package(found)] > own) == []


def test_nobody_imports_the_front_page():
    # It stands above all floors, and would hide which one is meant.
    assert [module for module in MODULES if "lab" in IMPORTS[module]] == []


@pytest.mark.parametrize("module", MODULES)
def test_the_front_page_imports_nothing_of_lab_until_it_is_asked(module):
    assert module not in IMPORTS["lab"]


@pytest.mark.parametrize("module", [name for name in MODULES if FLOOR_OF[package(name)] == 2])
def test_scenarios_guards_and_stores_know_no_engine_and_not_each_other(module):
    assert forbidden(module, lambda found: found.startswith("lab.") and FLOOR_OF[package(found)] >= 2) == []


@pytest.mark.parametrize("module", [name for name in MODULES if package(name) == "engines"])
def test_engines_are_given_scenarios_guards_and_stores_and_import_none(module):
    assert forbidden(module, lambda found: found.startswith("lab.") and FLOOR_OF[package(found)] == 2) == []


INSIDE = "lab.engines.controlled.inside"


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith(INSIDE)])
def test_what_runs_within_a_script_knows_the_standard_library_alone(module):
    # Each of its processes pays for what it has loaded, and a script must find no modules that it did not import.
    assert forbidden(module, lambda found: found.startswith("lab.") and not found.startswith(INSIDE)) == []


@pytest.mark.parametrize("module", [name for name in MODULES if package(name) in ("engines", "schedulers")])
def test_an_engine_knows_no_strategy_and_a_strategy_no_engine(module):
    other = "schedulers" if package(module) == "engines" else "engines"
    assert forbidden(module, lambda found: found.startswith(f"lab.{other}.")) == []


@pytest.mark.parametrize("module", [name for name in MODULES if FLOOR_OF[package(name)] < BELOW_HEAVY])
def test_no_engine_and_nothing_below_knows_tables_pictures_or_terminals(module):
    assert forbidden(module, lambda found: found.partition(".")[0] in HEAVY) == []


@pytest.mark.parametrize("module", [name for name in MODULES if package(name) == "plots"])
def test_pictures_know_the_summary_alone(module):
    assert forbidden(module, lambda found: found.startswith("lab.") and package(found) in ("results", "archive")) == []


@pytest.mark.parametrize("module", PURE)
def test_statistics_are_plain_numbers_in_and_out(module):
    assert of_lab(IMPORTS[module]) <= PURE[module]


SPEAKS = {
    "print",
    "exit",
    "quit",
    "input",
    "click.echo",
    "sys.exit",
    "os._exit",
    "sys.argv",
    "sys.stdout",
    "sys.stderr",
}


def spoken(tree):
    """The names by which a tree prints, exits, or reads what it was called with."""
    names = set()
    for node in running(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            names.add(node.func.id)
        elif isinstance(node, ast.Attribute):
            names.add(ast.unparse(node))
        elif isinstance(node, ast.Name) and node.id == "SystemExit":
            names.add("SystemExit")
    return names & {*SPEAKS, "SystemExit"}


@pytest.mark.parametrize("module", [name for name in MODULES if package(name) not in ("cli", "__main__")])
def test_only_the_command_line_prints_exits_and_reads_its_arguments(module):
    assert sorted(name for name in spoken(TREES[module]) if not is_excepted(module, name)) == []


# The rules themselves ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("module", "found"), EXCEPTIONS)
def test_every_exception_is_still_needed(module, found):
    uses = IMPORTS[module] | spoken(TREES[module])
    assert any(use == found or (found.endswith("*") and use.startswith(found[:-1])) for use in uses)


@pytest.mark.parametrize(
    ("source", "imports"),
    [
        ("import pandas as pd", {"pandas"}),
        ("from lab import draws", {"lab.draws"}),
        ("from lab.cell import Cell", {"lab.cell"}),
        ("from lab import Scenario", {"lab"}),
        ("def late():\n    import numpy", {"numpy"}),
        ("if TYPE_CHECKING:\n    import pandas", set()),
        ("if typing.TYPE_CHECKING:\n    import pandas\nelse:\n    import numpy", {"numpy"}),
        ("if TYPE_CHECKING_IS_OFF:\n    import pandas", {"pandas"}),
        ("try:\n    import rich\nexcept ImportError:\n    import click", {"rich", "click"}),
    ],
)
def test_imports_are_found_wherever_they_run(source, imports):
    assert imports_of(ast.parse(source)) == imports


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("print(1)", {"print"}),
        ("import sys\nsys.exit(1)", {"sys.exit"}),
        ("raise SystemExit", {"SystemExit"}),
        ("sys.stdout.write('x')", {"sys.stdout"}),
        ("place.exit()", set()),
    ],
)
def test_printing_and_exiting_is_found(source, names):
    assert spoken(ast.parse(source)) == names

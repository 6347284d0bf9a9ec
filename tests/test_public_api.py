"""Everything public stands on one page, `lab/__init__.py`, and is explained where it is made."""

import ast
import importlib
import inspect
import itertools
import re
from pathlib import Path

import pytest

import lab

PAGE = ast.parse(Path(lab.__file__).read_text())


def test_the_page_lists_its_names_in_order_and_once():
    assert lab.__all__ == sorted(set(lab.__all__))


def test_the_names_are_those_that_are_loaded_when_they_are_asked_for():
    assert sorted(name for names in lab._HOMES.values() for name in names) == lab.__all__


def test_the_names_are_those_that_a_type_checker_sees():
    [block] = [node for node in PAGE.body if isinstance(node, ast.If)]
    seen = {node.module: tuple(alias.name for alias in node.names) for node in block.body}
    assert {home: sorted(names) for home, names in seen.items()} == {
        home: sorted(names) for home, names in lab._HOMES.items()
    }


def test_the_docstring_tells_of_every_name_and_of_no_other():
    told = {name for line in lab.__doc__.splitlines() if ": `" in line for name in re.findall(r"`(\w+)`", line)}
    assert sorted(told) == lab.__all__


def test_dir_shows_the_names():
    assert dir(lab) == lab.__all__


def test_star_gives_the_names():
    given = {}
    exec("from lab import *", given)
    assert sorted(set(given) - {"__builtins__"}) == lab.__all__


@pytest.mark.parametrize("name", lab.__all__)
def test_a_name_is_the_thing_in_its_home(name):
    assert getattr(lab, name) is getattr(importlib.import_module(lab._HOME_OF[name]), name)


def docstring(name):
    """Of a class or a function its own, of a value the text that stands below it."""
    thing = getattr(lab, name)
    if inspect.isclass(thing) or inspect.isfunction(thing):
        return vars(thing).get("__doc__") if inspect.isclass(thing) else thing.__doc__
    home = importlib.import_module(lab._HOME_OF[name])
    body = ast.parse(Path(home.__file__).read_text()).body
    for node, below in itertools.pairwise(body):
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else None
    return None


@pytest.mark.parametrize("name", lab.__all__)
def test_every_name_is_explained(name):
    # A frozen dataclass has a docstring by itself, its signature: that explains nothing.
    text = docstring(name) or ""
    assert re.match(r"[A-Z`].{15}", text), text
    assert not text.startswith(f"{name}("), text


def test_a_name_that_is_not_there_is_an_attribute_error_that_says_where_to_look():
    with pytest.raises(AttributeError) as caught:
        lab.explode  # noqa: B018
    assert str(caught.value) == "module 'lab' has no attribute 'explode'; its docstring lists all that it has"


def test_it_is_typed():
    assert (Path(lab.__file__).parent / "py.typed").is_file()

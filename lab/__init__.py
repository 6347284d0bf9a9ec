"""`lab`: how often does it go wrong, what does each guard cost, and which schedule breaks it?

Everything public is here, grouped by what one wants to do; all other names are free to change. Names are imported when
they are first used, so `import lab` loads neither numpy nor pandas.

Measure and look: `run`, `resume`, `open_results`, `plot`, `Results`, `Experiment`, `Grid`.
Measure scripts and functions that know nothing of lab: `race`, `race_function`.
Compare: `compare`, `Comparison`.
Search and prove scenarios, scripts, functions: `explore`, `replay`, `Exploration`, `Explored`, `Finding`, `Schedule`.
Write a scenario: `Scenario`, `World`, `Stage`, `Maker`, `Guarded`, `TornRead`.
Say how long: `Delay`, `constant`, `uniform`, `exp`, `normal`, `randint`, `zero`.
Say how it ended: `Judgement`, `Outcome`, `Note`, `ok`, `interesting`, `violation`.
Be told what is wrong: `LabError`, `UsageError`, `OutputError`.
"""

from importlib import import_module

# Type checkers take it for true by its name. The one of `typing` takes 15 ms, in which nobody listens to Ctrl-C.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from lab.comparing import Comparison, compare
    from lab.delays import Delay, constant, exp, normal, randint, uniform, zero
    from lab.errors import LabError, OutputError, UsageError
    from lab.experiments.grid import Experiment, Grid
    from lab.exploration import Exploration, Explored, Finding
    from lab.racing import race, race_function
    from lab.results import Results
    from lab.scenario import Guarded, Scenario
    from lab.schedule import Schedule
    from lab.searching import explore, replay
    from lab.store import TornRead
    from lab.trial import Judgement, Note, Outcome, interesting, ok, violation
    from lab.verbs import open_results, plot, resume, run
    from lab.world.protocol import Maker, Stage, World

__all__ = [
    "Comparison",
    "Delay",
    "Experiment",
    "Exploration",
    "Explored",
    "Finding",
    "Grid",
    "Guarded",
    "Judgement",
    "LabError",
    "Maker",
    "Note",
    "Outcome",
    "OutputError",
    "Results",
    "Scenario",
    "Schedule",
    "Stage",
    "TornRead",
    "UsageError",
    "World",
    "compare",
    "constant",
    "exp",
    "explore",
    "interesting",
    "normal",
    "ok",
    "open_results",
    "plot",
    "race",
    "race_function",
    "randint",
    "replay",
    "resume",
    "run",
    "uniform",
    "violation",
    "zero",
]

_HOMES = {
    "lab.comparing": ("Comparison", "compare"),
    "lab.delays": ("Delay", "constant", "exp", "normal", "randint", "uniform", "zero"),
    "lab.errors": ("LabError", "OutputError", "UsageError"),
    "lab.experiments.grid": ("Experiment", "Grid"),
    "lab.exploration": ("Exploration", "Explored", "Finding"),
    "lab.racing": ("race", "race_function"),
    "lab.results": ("Results",),
    "lab.scenario": ("Guarded", "Scenario"),
    "lab.schedule": ("Schedule",),
    "lab.searching": ("explore", "replay"),
    "lab.store": ("TornRead",),
    "lab.trial": ("Judgement", "Note", "Outcome", "interesting", "ok", "violation"),
    "lab.verbs": ("open_results", "plot", "resume", "run"),
    "lab.world.protocol": ("Maker", "Stage", "World"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'lab' has no attribute {name!r}; its docstring lists all that it has")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return __all__

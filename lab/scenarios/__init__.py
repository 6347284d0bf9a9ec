"""The built-in scenarios by name, and the ways to name one of the user's."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from lab.errors import SHOWN_BY_LIST, unknown_name
from lab.scenario import Scenario, load

BUILT_IN = {
    "ticket_sale": "lab.scenarios.ticket_sale:TicketSale",
    "check_ticket": "lab.scenarios.check_ticket:CheckTicket",
    "print_lines": "lab.scenarios.print_lines:PrintLines",
    "ktv": "lab.scenarios.ktv:Ktv",
    "traffic_light": "lab.scenarios.traffic_light:TrafficLight",
    "stuck_light": "lab.scenarios.stuck_light:StuckLight",
}

SCRIPT = "script"
"""The scenario that a script becomes, by `lab race`: it makes no sense without one, and stands in no list."""
_SCRIPT_RUN = "lab.script_run:ScriptRun"


@cache
def known_scenarios() -> dict[str, str]:
    """Name and reference of each built-in scenario, and of each in the entry point group `lab.scenarios`."""
    return BUILT_IN | {entry.name: entry.value for entry in entry_points(group="lab.scenarios")}


def scenario_named(text: str) -> type[Scenario]:
    """The class that a built-in name, an entry point, `module:Class` or `file.py:Class` names; UsageError if none."""
    if text in BUILT_IN:
        return load(BUILT_IN[text])
    if text == SCRIPT:
        return load(_SCRIPT_RUN)
    if ":" in text:
        return load(text)
    known = known_scenarios()
    if text not in known:
        raise unknown_name("scenario", text, known, SHOWN_BY_LIST)
    return load(known[text])


def name_of(scenario: type[Scenario]) -> str:
    """The built-in name, or of a scenario of the user's `module:Class` or `file.py:Class`, without the folder."""
    names = {reference: name for name, reference in known_scenarios().items()} | {_SCRIPT_RUN: SCRIPT}
    return names.get(scenario.reference, scenario.reference.rpartition("/")[2])

"""Histories made by hand, and those of real executions, for tests of what is told about them."""

from lab.cell import Cell
from lab.engines.simulated.session import SimulatedSession
from lab.guards import guard_named
from lab.scheduler import Event, Operation
from lab.schedulers.bounded import Bounded
from lab.stores import store_named

STORE = "store"


def done(actor, kind, *objects, result="", line="", is_read=False, is_data=False, is_timeout=False):
    operation = Operation(
        actor, kind, objects, is_read=is_read, is_timeout=is_timeout, is_data=is_data, line=line, ready_at=0.0
    )
    return Event(operation, result, 0.0)


def read(actor, line="a.py:1", name=STORE, result="{'count': 1}"):
    return done(actor, "read", name, line=line, result=result, is_read=True, is_data=True)


def write(actor, line="a.py:2", name=STORE, result="{'count': 0}", kind="write"):
    return done(actor, kind, name, line=line, result=result, is_data=True)


def permits_of(execution):
    return {name: declared.permits for name, declared in execution.objects.items()}


def executions(scenario, guard="none", store=None, processes=2, scheduler=None):
    """Every execution of a cell, those with the fewest preemptions first."""
    cell = Cell("test", scenario, guard_named(guard), store_named(store) if store else None, processes, "simulated")
    session = SimulatedSession(cell, is_timed=False, keeps_history=True)
    scheduler = scheduler or Bounded()
    try:
        while scheduler.begin():
            execution = session.execute(scheduler)
            scheduler.end(execution.ending.waiting)
            yield execution
    finally:
        session.close()

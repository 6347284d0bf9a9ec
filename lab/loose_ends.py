"""Services that go on by themselves, for which partial-order reduction can't vouch.

An execution ends with its actors. What a service does that nothing orders before this end may come after it as well,
and the execution then ends without it; and what it would have done beyond the end is in conflict with nothing that was
seen. The reduction knows no end: it looks at the operations that there were.

    actor      ask            look at y
    service         write x               (write y)

Nobody else touches x, so there is no race, and y is never written before it is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.execution import Execution
from lab.scheduler import Operation
from lab.schedulers.dpor import Trace


def loose_end(execution: Execution, operations: Sequence[Operation]) -> str:
    """Which service did not only answer the actors, in words; empty if none, as in any execution without services."""
    if not execution.services or execution.ending.kind != "done":
        return ""
    trace = Trace()
    for operation in operations:
        trace.append(operation)
    going_on = {*execution.ending.able, *trace.left_by(range(execution.services[0]))}
    name = next((execution.actors[number] for number in execution.services if number in going_on), "")
    return f"service {name} goes on by itself when the actors end; try --strategy exhaustive" if name else ""

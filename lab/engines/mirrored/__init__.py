"""The controlled engine for scenarios: real processes with real primitives, each operation of which a model allows.

The simulated engine's kernel is the model. It knows who can go on, asks the scheduler, and says what an operation comes
to; the process whose turn it is then does the same for real, and both must come to the same. So every strategy, verdict
and schedule of the simulated engine holds here, untouched, and a schedule that was found there repeats here.
"""

from lab.engines.mirrored.session import MirroredSession, of_the_model_alone

__all__ = ["MirroredSession", "of_the_model_alone"]

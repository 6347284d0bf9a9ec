"""The simulated engine: actors are greenlets of one process, and a scheduler decides who takes each step."""

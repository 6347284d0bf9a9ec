"""Does message passing scale better? File and lock, memory and lock, and a queue or a pipe to the owner of memory."""

from lab.experiments.grid import Experiment, Grid

PROCESSES = [1, 2, 4, 8, 16]

experiment = Experiment(
    name="messages",
    grids=[
        Grid(scenario="ticket_sale", guards=["lock"], stores=["json_file"], processes=PROCESSES, delays=["0"]),
        Grid(scenario="ticket_sale", guards=["lock"], stores=["memory"], processes=PROCESSES, delays=["0"]),
        Grid(scenario="ticket_sale", guards=["queue", "pipe"], stores=["memory"], processes=PROCESSES, delays=["0"]),
    ],
)

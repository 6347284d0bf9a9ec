"""All guards side by side on each store: five buyers, no delay, so the price is the guard's own; and those of ktv."""

from lab.experiments.grid import Experiment, Grid

experiment = Experiment(
    name="guards",
    grids=[
        Grid(
            scenario="ticket_sale",
            stores=["json_file", "atomic_json_file", "memory", "sqlite"],
            processes=[5],
            delays=["0"],
        ),
        Grid(scenario="ktv", processes=[6], delays=["randint(1,5)*2ms"]),
    ],
)

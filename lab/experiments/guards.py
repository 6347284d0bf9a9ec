"""All guards side by side on each store: five buyers, no delay, so the price is the guard's own."""

from lab.experiments.grid import Experiment, Grid

experiment = Experiment(
    name="guards",
    grids=[
        Grid(
            scenario="ticket_sale",
            stores=["json_file", "atomic_json_file", "memory", "sqlite"],
            processes=[5],
            delays=["0"],
        )
    ],
)

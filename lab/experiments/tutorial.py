"""The main job: every scenario of the tutorial, with and without its guard, at a hundredth of its delays."""

from lab.experiments.grid import Experiment, Grid

experiment = Experiment(
    name="tutorial",
    trials=1000,
    scale=100,
    grids=[
        Grid(scenario="ticket_sale", guards=["none", "lock", "semaphore(2)"], processes=[2, 5]),
        Grid(scenario="check_ticket", guards=["none", "lock"], processes=[2, 5]),
        Grid(
            scenario="check_ticket",
            guards=["none", "lock"],
            processes=[5],
            delays=["0"],
            set={"writers": 1, "rounds": 20},
        ),
        Grid(scenario="print_lines", guards=["none", "lock"], processes=[2, 5]),
        Grid(scenario="ktv", guards=["none", "semaphore(4)", "lock"], processes=[2, 5]),
        Grid(scenario="traffic_light", guards=["none", "event"], processes=[2, 5]),
        Grid(scenario="stuck_light", processes=[2, 5]),
    ],
)

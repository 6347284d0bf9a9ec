"""How the danger and the price change with delay: the last ticket, from no delay to 10 ms, for 2, 5 and 10 buyers."""

from lab.experiments.grid import Experiment, Grid

experiment = Experiment(
    name="ticket_sale",
    grids=[
        Grid(
            scenario="ticket_sale",
            guards=["none", "lock", "semaphore(2)"],
            processes=[2, 5, 10],
            delays=["0", "uniform(0,100us)", "uniform(0,1ms)", "uniform(0,10ms)"],
            set={"request_delay": "uniform(0,10ms)"},
        )
    ],
)

"""The numbers pinned here are in results folders: a change of one of them makes every old result another experiment."""

import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from lab import draws
from lab.cell import Cell
from lab.delays import exp
from lab.guards import guard_named
from lab.scenarios.ticket_sale import TicketSale
from lab.stores import store_named

seeds = st.integers(0, 2**63 - 1)


def cell(**changes):
    parts = {
        "name": "ticket_sale",
        "scenario": TicketSale(),
        "guard": guard_named("none"),
        "store": store_named("sqlite"),
        "processes": 2,
    }
    return Cell(**parts | changes)


def trial_seeds(of_cell, seed=1):
    return [draws.trial_seed(of_cell.draw_key(seed), trial) for trial in range(20)]


# Known values ------------------------------------------------------------------------------------------------------


def test_mix_is_the_generator_of_the_paper():
    # The first outputs of splitmix64 from seed 0, as its reference implementation (Vigna, splitmix64.c) prints them.
    golden = 0x9E3779B97F4A7C15
    assert [draws.mix(step * golden % 2**64) for step in range(3)] == [
        0xE220A8397B1DCDAF,
        0x6E789E6AA1B965F4,
        0x06C45D188009454F,
    ]


def test_draws_are_the_same_in_every_version():
    assert [
        draws.uniform(12345, actor, name, index) for actor in (0, 3) for name in ("a", "b") for index in (0, 1)
    ] == [
        0.42110638916900267,
        0.13769377315490783,
        0.44760676429533797,
        0.058712303417087996,
        0.028182981194424972,
        0.9377300528292395,
        0.13614599140497086,
        0.4483965561547596,
    ]


def test_trial_seeds_are_the_same_in_every_version():
    assert trial_seeds(cell())[:3] == [8342788501327257243, 7756146410218757116, 2416788233172743994]


def test_another_process_with_another_hash_seed_draws_the_same():
    code = "from lab import draws; print(draws.key('a', 1), draws.uniform(1, 2, 'read_delay', 3))"
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assert other.stdout == f"{draws.key('a', 1)} {draws.uniform(1, 2, 'read_delay', 3)}\n"


# Range and distribution --------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(seeds, st.integers(0, 1000), st.sampled_from(["", "read_delay", "é"]), st.integers(0, 2**32 - 1))
def test_every_draw_lies_from_zero_up_to_below_one(seed, actor, name, index):
    assert 0 <= draws.uniform(seed, actor, name, index) < 1


@settings(deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(0, 10**8))
def test_every_trial_seed_fits_a_column_of_signed_numbers(key, trial):
    assert 0 <= draws.trial_seed(key, trial) < 2**63


CELLS = 64
# A good generator exceeds this once in a million seeds; this one has a fixed seed, so it passes always or never.
LARGEST_CHI_SQUARE = chi2.isf(1e-6, CELLS - 1)


def chi_square(numbers):
    counts = [0] * CELLS
    for number in numbers:
        counts[int(number * CELLS)] += 1
    expected = len(numbers) / CELLS
    return sum((count - expected) ** 2 / expected for count in counts)


@pytest.mark.parametrize(
    "draw",
    [
        lambda number: draws.uniform(draws.trial_seed(1, number), 0, "read_delay", 0),
        lambda number: draws.uniform(1, number, "read_delay", 0),
        lambda number: draws.uniform(1, 0, "read_delay", number),
        lambda number: draws.uniform(1, 0, f"name {number}", 0),
        lambda number: draws.uniform(number, 0, "read_delay", 0),
    ],
    ids=["trials", "actors", "indices", "names", "seeds"],
)
def test_draws_are_uniform_along_each_of_their_coordinates(draw):
    assert chi_square([draw(number) for number in range(6400)]) < LARGEST_CHI_SQUARE


@pytest.mark.parametrize(
    "other",
    [
        lambda number: draws.uniform(number, 1, "read_delay", 0),
        lambda number: draws.uniform(number, 0, "write_delay", 0),
        lambda number: draws.uniform(number, 0, "read_delay", 1),
        lambda number: draws.uniform(number + 1, 0, "read_delay", 0),
    ],
    ids=["another actor", "another name", "another index", "another seed"],
)
def test_two_draws_that_differ_in_one_thing_know_nothing_of_each_other(other):
    # If they were independent their difference, modulo 1, is uniform.
    differences = [(draws.uniform(number, 0, "read_delay", 0) - other(number)) % 1 for number in range(6400)]
    assert chi_square(differences) < LARGEST_CHI_SQUARE


# What a trial's seed depends on ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"guard": guard_named("lock")},
        {"guard": guard_named("semaphore(2)")},
        {"store": store_named("memory")},
        {"engine": "simulated"},
        {"alignment": "aligned"},
        {"start_method": "spawn"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_cells_that_differ_in_how_they_are_run_meet_the_same_trials(changes):
    other = cell(**changes)
    assert (other.cell_id != cell().cell_id, trial_seeds(other)) == (True, trial_seeds(cell()))


@pytest.mark.parametrize(
    "changes",
    [
        {"processes": 3},
        {"name": "shop.py:TicketSale"},
        {"scenario": TicketSale(tickets=2)},
        {"scenario": replace(TicketSale(), read_delay=exp(1))},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_cells_that_differ_in_what_is_run_share_no_trial(changes):
    assert set(trial_seeds(cell(**changes))).isdisjoint(trial_seeds(cell()))


def test_experiments_that_differ_in_their_seed_share_no_trial():
    assert set(trial_seeds(cell(), seed=2)).isdisjoint(trial_seeds(cell(), seed=1))


def test_trials_of_a_cell_have_seeds_of_their_own():
    key = cell().draw_key(1)
    assert len({draws.trial_seed(key, trial) for trial in range(100_000)}) == 100_000

"""Virtual time against the exact law of the unguarded sale: how many of N buyers get the only ticket.

Buyer i reads at A_i, uniform in (0, R), and writes D_i later, the sum of two uniforms in (0, 1). With W the first
write, the buyers sold to are those who read before it. With g, G the density and distribution function of A + D, and
F that of A:

    P(S=k) = N C(N-1,k-1) ∫ g(w) (F(w)-G(w))^(k-1) (1-F(w))^(N-k) dw
"""

from collections import Counter
from itertools import pairwise
from math import comb

import numpy as np
import pytest
from conftest import make_cell
from scipy import integrate, stats

from lab.engines.simulated import SimulatedSession

ERROR = 1e-4
"""The probability that a faithful engine fails a comparison; the draws are seeded, so the answer is always the same."""


def law(buyers, spread):
    """P(S=1), ..., P(S=N)."""

    def late(t):
        # The distribution function of D, integrated from 0 to t.
        return t**3 / 6 if t <= 1 else t - 1 + (2 - t) ** 3 / 6 if t < 2 else t - 1

    def arrived(w):
        return min(max(w / spread, 0), 1)

    def written(w):
        return (late(max(w, 0)) - late(max(w - spread, 0))) / spread

    def density(w):
        one = lambda t: 0 if t <= 0 else t * t / 2 if t <= 1 else 1 - (2 - t) ** 2 / 2 if t < 2 else 1  # noqa: E731
        return (one(w) - one(w - spread)) / spread

    def integrand(w, k):
        return density(w) * (arrived(w) - written(w)) ** (k - 1) * (1 - arrived(w)) ** (buyers - k)

    corners = sorted({0, 1, 2, spread, spread + 1, spread + 2})
    return [
        buyers
        * comb(buyers - 1, k - 1)
        * sum(integrate.quad(integrand, low, high, args=(k,))[0] for low, high in pairwise(corners))
        for k in range(1, buyers + 1)
    ]


def sold(buyers, spread, trials, **fields):
    cell = make_cell("ticket_sale", "none", "memory", buyers, request_delay=f"uniform(0,{spread}s)", **fields)
    session = SimulatedSession(cell, seed=5)
    counts = Counter(trial.measures["sold"] for trial in session.run(range(trials)))
    session.close()
    return [counts[k] for k in range(1, buyers + 1)]


@pytest.mark.parametrize(
    ("buyers", "expected"), [(2, [0.08333, 0.91667]), (5, [0.02381, 0.06812, 0.12386, 0.17593, 0.60828])]
)
def test_the_law_is_the_one_that_was_worked_out_by_hand(buyers, expected):
    assert law(buyers, 1) == pytest.approx(expected, abs=6e-6)


@pytest.mark.parametrize(("buyers", "spread"), [(2, 1), (3, 2), (5, 1)])
def test_virtual_time_follows_the_exact_law(often, buyers, spread):
    trials = often(20_000, 100_000)
    expected = np.array(law(buyers, spread))

    assert expected.sum() == pytest.approx(1)
    assert stats.chisquare(sold(buyers, spread, trials), expected * trials).pvalue > ERROR


def test_a_small_error_of_a_delay_would_be_noticed():
    counts = sold(2, 1, 20_000, read_delay="uniform(0,800ms)")

    assert stats.chisquare(counts, np.array(law(2, 1)) * 20_000).pvalue < ERROR


def test_who_reads_at_once_oversells_always():
    cell = make_cell("ticket_sale", "none", "memory", 5)
    session = SimulatedSession(cell)
    trials = list(session.run(range(1000)))
    session.close()

    assert {trial.measures["sold"] for trial in trials} == {5}

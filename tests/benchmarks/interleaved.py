"""Times a piece of work and its baseline in turn, so that a drift of the machine is no difference between the two."""

import statistics
import time


class Interleaved:
    """Seconds of the work and of its baseline, a pair a round; the first pair, which warms both up, is dropped."""

    def __init__(self, benchmark, work, baseline, rounds):
        self.work_s, self.baseline_s = [], []

        def timed():
            self.work_s.append(seconds(work))

        # The set-up of a round is not in pytest-benchmark's time, so the baseline goes there. It tells its own seconds.
        benchmark.pedantic(timed, setup=lambda: self.baseline_s.append(baseline()), rounds=rounds, warmup_rounds=1)
        if len(self.work_s) > rounds:
            del self.work_s[0], self.baseline_s[0]

    def times_slower(self, scale=1):
        """The median of the rounds' ratios of work to baseline; `scale` baselines are as much work as one work."""
        pairs = zip(self.work_s, self.baseline_s, strict=True)
        return statistics.median([work / (scale * baseline) for work, baseline in pairs])

    def times_faster(self, scale=1):
        """The inverse of `times_slower`."""
        return 1 / self.times_slower(scale)


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start

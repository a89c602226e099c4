"""A machine of which every second is known."""

import itertools


class Machine:
    """A clock that only work moves.

    Args:
        speeds: iterable of factors by which the runs that follow take longer.
    """

    def __init__(self, speeds=(1.0,)):
        self.now = 0.0
        self.speeds = itertools.cycle(speeds)
        self.runs = 0

    def clock(self):
        return self.now

    def work(self, seconds):
        """A function that takes so many seconds."""

        def run():
            self.now += seconds * next(self.speeds)
            self.runs += 1

        return run

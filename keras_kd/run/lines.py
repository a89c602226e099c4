"""What the package logs, handed line by line to a function for the time of a call."""

import contextlib
import logging


@contextlib.contextmanager
def lines_to(progress):
    """Gives a function what the package logs, from INFO on, until the block ends.

    Args:
        progress: function of a line; None leaves the lines to the logging of whoever calls.
    """
    if progress is None:
        yield
        return
    logger, handler = logging.getLogger("keras_kd"), _Lines(progress)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(min(level or logging.INFO, logging.INFO))
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


class _Lines(logging.Handler):
    def __init__(self, progress):
        super().__init__(logging.INFO)
        self.progress = progress

    def emit(self, record):
        self.progress(self.format(record))

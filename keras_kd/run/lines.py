"""What the package logs, handed line by line to a function for the time of a call."""

import contextlib
import logging


@contextlib.contextmanager
def lines_to(told):
    """Tells a function what the package logs, from INFO on, until the block ends.

    Args:
        told: function of a line; None leaves the lines to the logging of whoever calls.
    """
    if told is None:
        yield
        return
    logger, handler = logging.getLogger("keras_kd"), _Lines(told)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(min(level or logging.INFO, logging.INFO))
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


class _Lines(logging.Handler):
    def __init__(self, told):
        super().__init__(logging.INFO)
        self.told = told

    def emit(self, record):
        self.told(self.format(record))

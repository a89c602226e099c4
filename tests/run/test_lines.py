"""What the package logs reaches the function that a caller gives, and nobody after the call."""

import logging

import pytest

from keras_kd.run.lines import lines_to

logger = logging.getLogger("keras_kd.run.some_module")


def test_lines_are_told_while_the_block_lasts():
    told = []
    with lines_to(told.append):
        logger.info("%s of %d", "one", 2)
        logger.debug("not told")
        logging.getLogger("another").info("not told")
    logger.info("too late")
    assert told == ["one of 2"]


def test_the_logger_is_left_as_it_was_also_after_an_error():
    package = logging.getLogger("keras_kd")
    before = package.level, list(package.handlers)
    with pytest.raises(KeyError), lines_to(print):
        raise KeyError
    assert (package.level, package.handlers) == before


def test_without_a_function_logging_is_the_callers(caplog):
    with lines_to(None), caplog.at_level("INFO", logger="keras_kd"):
        logger.info("a line")
    assert caplog.messages == ["a line"]

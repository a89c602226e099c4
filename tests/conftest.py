"""Shared fixtures: quiet TensorFlow, fixed seeds, and the paths of optional real data."""

import gc
import logging
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from pathlib import Path

import keras
import pytest
import tensorflow as tf
from browser import NOT_TESTED

# TensorFlow's graphs are millions of objects that stay: looking through them again and again took a
# twentieth of the suite's time.
gc.set_threshold(200_000, 50, 1000)


def pytest_addoption(parser):
    parser.addoption(
        "--plain-graphs",
        action="store_true",
        help="without TensorFlow's rewriting of graphs, a third of the time of a tiny run",
    )


def pytest_configure(config):
    # Before the first operation: iterators take what holds then. The golden step, tests of commands
    # in processes of their own and the slow tests are with it. Graphs "too small to rewrite" take
    # half of the memory that they take with `disable_meta_optimizer`.
    if config.getoption("--plain-graphs"):
        tf.config.optimizer.set_experimental_options({"min_graph_nodes": 10**6})


def pytest_terminal_summary(terminalreporter):
    """Says once more, in red, which browser was missing: a skip is a dot among thousands."""
    skipped = [report.longrepr for report in terminalreporter.stats.get("skipped", ())]
    reasons = {str(told[-1]).removeprefix("Skipped: ") for told in skipped}
    for reason in sorted(reason for reason in reasons if reason.startswith(NOT_TESTED)):
        terminalreporter.write_line(reason, red=True, bold=True)


SHARED = Path(os.environ.get("KERAS_KD_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(autouse=True)
def fixed_seed():
    """Every test starts from the same random state, whatever ran before it."""
    keras.utils.set_random_seed(0)


def _folder(*parts):
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(
            f"real data not found at {path}; set KERAS_KD_SHARED to the folder that holds it"
        )
    return path


@pytest.fixture(scope="session")
def real_data():
    """The folder with TFDS-layout photographs, or a skip that says what is missing."""
    return _folder("data")


@pytest.fixture(scope="session")
def real_weights():
    """The folder with the ImageNet-pretrained EfficientNet-Lite archives, or a skip."""
    return _folder("weights")


@pytest.fixture
def logged(caplog):
    """A function that gives what the package has logged so far, lines from INFO on."""
    caplog.set_level(logging.INFO, "keras_kd")
    return lambda: [one.getMessage() for one in caplog.records if one.name.startswith("keras_kd")]

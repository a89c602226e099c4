"""The bar of a stage: where it stands, what it shows, and that it ends."""

from types import SimpleNamespace

import pytest

from keras_kd.training.progress import Progress


@pytest.fixture
def bar():
    """That of a stage of 14 steps of 8 images, which goes on from step 6."""
    found = Progress("distil", 14, 8, SimpleNamespace(step=6))
    yield found
    found.close()


def test_it_goes_on_where_the_stage_does(bar):
    assert (bar.bar.n, bar.bar.total, bar.bar.postfix) == (48, 112, "compiling")
    bar.clock.step = 8  # two steps an execution
    bar.on_train_batch_end(1)
    assert (bar.bar.n, bar.bar.postfix) == (64, "")


def test_it_shows_the_numbers_that_there_are(bar):
    bar.on_epoch_end(0, {"loss": 0.25, "val_accuracy": 0.5, "val_kl": 3.0})
    assert bar.bar.postfix == "loss=0.2500, val_accuracy=0.5000"
    bar.on_epoch_end(0, None)
    assert bar.bar.postfix == ""

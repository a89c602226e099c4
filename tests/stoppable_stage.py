"""A stage of a few weights and dropout, and a way to act in the middle of it."""

import keras
import tiny_stage
from tiny_stage import endless

from keras_kd.config import stage
from keras_kd.training import stage as stages


def network(dropout):
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dropout(dropout), keras.layers.Dense(3)]
    )


def train(folder, stream=endless, student=None, **changes):
    """14 steps in intervals of 6."""
    student = student or network(dropout=0.5)
    settings = stage(
        total="14 steps", interval="6 steps", warmup="1 steps", learning_rate=0.1, label_weight=0.0
    )
    return tiny_stage.train(folder, student, network(0.0), settings, stream, **changes), student


def at(step, action, hook="on_train_batch_end"):
    """A patch of `Save` that acts just before it handles a step."""
    original = getattr(stages.Save, hook)

    def patched(self, *args, **kwargs):
        if self.clock.step == step and not getattr(at, "done", False):
            at.done = True
            action()
        return original(self, *args, **kwargs)

    at.done = False
    return "keras_kd.training.saving.Save." + hook, patched

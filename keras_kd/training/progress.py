"""The progress bar of a stage."""

import keras

from keras_kd.utils.bars import progress_bar


class Progress(keras.callbacks.Callback):
    """A progress bar in images: rate, time left and the newest numbers.

    Args:
        stage: what to call it.
        total_steps: steps of the whole stage.
        batch_size: examples a step.
        clock: the stage's `Clock`.
    """

    def __init__(self, stage, total_steps, batch_size, clock):
        super().__init__()
        self.batch_size = batch_size
        self.clock = clock
        self.bar = progress_bar(stage, total_steps * batch_size, clock.step * batch_size)
        self.bar.set_postfix_str("compiling")

    def on_train_batch_end(self, batch, logs=None):
        if self.bar.postfix == "compiling":
            self.bar.set_postfix_str("", refresh=False)
        self.bar.update(self.clock.step * self.batch_size - self.bar.n)

    def on_epoch_end(self, epoch, logs=None):
        shown = ("loss", "accuracy", "val_accuracy", "val_agreement")
        numbers = {name: f"{logs[name]:.4f}" for name in shown if name in (logs or {})}
        self.bar.set_postfix(numbers, refresh=False)

    def close(self):
        """Ends the bar, also after an error."""
        self.bar.close()

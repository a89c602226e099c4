"""Followers: what goes behind the learners without gradients, such as averages of weights."""

import keras


class Follower(keras.layers.Layer):
    """A rule that runs after the phases of every step.

    Its weights are the model's: saved, restored, the same on all replicas, left behind at export.

    Args:
        follows: name of the learner that it follows.
        name: its own name, by which methods may take its network as their source.
    """

    network = None  # a Keras model that answers under the follower's name, or None
    evaluated = False  # True: this network is what is evaluated, and what leaves

    def __init__(self, follows="student", name=None):
        super().__init__(name=name, dtype="float32")
        self.follows = follows

    def begin(self, learners):
        """Makes the weights.

        Args:
            learners: dict of name to Keras model.
        """

    def after_step(self, steps, batch, outputs):
        """Follows one step.

        Args:
            steps: int64 scalar tensor, steps done, this one included.
            batch: the batch dict of the data.
            outputs: dict of name to outputs dict: what the networks gave on it in this step.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement after_step().")

    def finish(self):
        """Hook for the end of the training, on the host."""

"""A subclassed model, whose layers Keras does not know as a graph, called once."""

import keras
import numpy as np


class Subclassed(keras.Model):
    """A dense layer on images of 8 px and 3 channels."""

    def __init__(self, classes):
        super().__init__()
        self.head = keras.layers.Dense(classes)

    def call(self, x):
        return self.head(keras.ops.reshape(x, (-1, 192)))


def subclassed(classes):
    model = Subclassed(classes)
    model(np.zeros((1, 8, 8, 3), "float32"))
    return model

"""Several teachers as one: the logits are the log of their mean probability.

KL divergence to the mean probability differs from the mean of the KL divergences to each teacher
only by a constant, since cross-entropy is linear in the labels: one soft target serves for all.
"""

import keras
import numpy as np
from keras import ops

from keras_kd.models.answers import is_binary
from keras_kd.models.output import two_classes


@keras.saving.register_keras_serializable(package="keras_kd")
class LogMeanProbability(keras.layers.Layer):
    """Logits of several teachers, each `[B, K]`, to the log of their weighted mean probability.

    One logit z of a teacher is two classes, [0, z]. What comes out are log-probabilities, see
    `keras_kd.models.answers`: methods that need logits themselves refuse them.

    Computed in log space and float32, so that a class with probability 1e-40 stays finite.

    Args:
        weights: one positive number per teacher, summing to 1.
    """

    normalized = True

    def __init__(self, weights, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.weights_of_teachers = [float(weight) for weight in weights]

    def call(self, logits):
        terms = [
            ops.log_softmax(ops.cast(two_classes(one), "float32"), axis=-1) + float(np.log(weight))
            for one, weight in zip(logits, self.weights_of_teachers)
        ]
        return ops.logsumexp(ops.stack(terms, axis=0), axis=0)

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:-1], max(2, input_shape[0][-1]))

    def get_config(self):
        return {**super().get_config(), "weights": self.weights_of_teachers}


@keras.saving.register_keras_serializable(package="keras_kd")
class Ensemble(keras.Model):
    """One frozen teacher made of several; its softmax is their weighted mean probability.

    Inner layers stay within reach as taps under `teacher1/...`, `teacher2/...`.

    Args:
        teachers: Keras models with equal input shapes and class counts, giving logits. They are
            frozen (trainable=False).
        weights: one positive number per teacher, scaled to sum to 1; None for equal ones.

    Raises:
        ValueError: for no teachers, unequal shapes or class counts, or bad weights.
    """

    def __init__(self, teachers, weights=None, name="ensemble", **kwargs):
        teachers = list(teachers)
        self._check(teachers)
        weights = _normalized(weights, len(teachers))
        inputs = keras.Input(teachers[0].input_shape[1:], name="image")
        logits = []
        for index, teacher in enumerate(teachers, start=1):
            teacher.trainable = False
            # Wrapped, since two teachers may carry one name, which Keras refuses side by side.
            inner = keras.Input(inputs.shape[1:])
            wrapped = keras.Model(inner, teacher(inner), name=f"teacher{index}")
            logits.append(wrapped(inputs, training=False))
        super().__init__(
            inputs=inputs, outputs=LogMeanProbability(weights, name="logits")(logits), name=name
        )
        self.trainable = False
        # Behind closures, so that Keras does not track the teachers a second time.
        self._get_teachers = lambda: teachers
        self._get_weights = lambda: weights

    # Methods, not properties: Keras walks the latter when it saves, and would save members twice.
    def members(self):
        """The teachers by name, in order; those that share a name as `teacher1/NAME` and so on."""
        names = [teacher.name for teacher in self._get_teachers()]
        return {
            name if names.count(name) == 1 else f"teacher{index}/{name}": teacher
            for index, (name, teacher) in enumerate(zip(names, self._get_teachers()), start=1)
        }

    def combine(self, logits):
        """The ensemble's logits.

        Args:
            logits: list of what each member gave, in order, `[B, K]` each.

        Returns:
            float32 `[B, K]`.
        """
        return self.get_layer("logits")(logits)

    @staticmethod
    def _check(teachers):
        if not teachers:
            raise ValueError("teachers must hold at least one model. Received: teachers=[].")
        if binary := [teacher.name for teacher in teachers if is_binary(teacher)]:
            raise ValueError(
                "an ensemble is the mean of probabilities that sum to 1. Received: "
                f"{', '.join(map(repr, binary))}, which ends in sigmoids, each class by itself. "
                "Let the student follow each teacher by a binary_soft_targets of its own."
            )
        for what, attribute in (("input shape", "input_shape"), ("class count", "output_shape")):
            values = [getattr(teacher, attribute, None) for teacher in teachers]
            if what == "class count":  # one logit is two classes
                values = [(None, 2) if value == (None, 1) else value for value in values]
            if any(value != values[0] or value is None for value in values):
                raise ValueError(
                    f"the teachers of an ensemble must have one {what}. "
                    f"Received: {attribute}s={values}. Load each with the same input_shape and "
                    "num_classes, or let the student learn from one of them."
                )

    def get_config(self):
        return {
            "teachers": [keras.saving.serialize_keras_object(t) for t in self._get_teachers()],
            "weights": self._get_weights(),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        teachers = [
            keras.saving.deserialize_keras_object(one, custom_objects=custom_objects)
            for one in config["teachers"]
        ]
        return cls(teachers, config["weights"], name=config["name"])


def resized(model, side, input_shape):
    """A teacher that sees the images smaller than they come.

    Args:
        model: Keras model from images `[B, side, side, C]` to logits.
        side: side in pixels, at most the images'.
        input_shape: (height, width, channels) of the images.

    Returns:
        a functional `keras.Model` of that input shape.

    Raises:
        ValueError: images that would have to grow.
    """
    if side > min(input_shape[:2]):
        raise ValueError(
            f"a teacher's side must be at most that of the images, {min(input_shape[:2])} px. "
            f"Received: side={side}. Raise the teacher's resolution."
        )
    inputs = keras.Input(input_shape, name="image")
    # Bilinear without anti-aliasing, as the images are made in the first place.
    x = keras.layers.Resizing(side, side, dtype="float32", name="to_teacher_size")(inputs)
    return keras.Model(inputs, model(x), name=f"{model.name}_at_{side}")


def _normalized(weights, count):
    values = np.full(count, 1.0) if weights is None else np.asarray(weights, dtype="float64")
    if values.shape != (count,) or not (np.isfinite(values).all() and (values > 0).all()):
        raise ValueError(
            f"weights must hold one positive number per teacher, {count} in all. "
            f"Received: weights={weights!r}. Leave out a teacher that should not count."
        )
    return (values / values.sum()).tolist()

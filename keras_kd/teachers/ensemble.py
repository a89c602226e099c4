"""Several teachers as one, by a combination of their answers, see `keras_kd.teachers.combine`."""

import functools

import keras

from keras_kd.models.answers import is_binary
from keras_kd.models.some_classes import known_classes
from keras_kd.models.taps import tapped
from keras_kd.teachers import combine as combinations
from keras_kd.teachers.combine.mean_probabilities import LogMeanProbability

__all__ = ["Ensemble", "LogMeanProbability", "recombined", "resized"]


@keras.saving.register_keras_serializable(package="keras_kd")
class Ensemble(keras.Model):
    """One frozen teacher made of several; by default its softmax is their mean probability.

    Inner layers stay within reach as taps under `teacher1/...`, `teacher2/...`.

    Args:
        teachers: Keras models with equal input shapes and class counts, giving logits. They are
            frozen (trainable=False).
        weights: one positive number per teacher, scaled to sum to 1; None for equal ones.
        combine: name of a combination in `keras_kd.teachers.combine`.
        **arguments: further ones of the combination.

    Raises:
        ValueError: for no teachers, unequal shapes or class counts, or bad weights; an unknown
            combination, or what that refuses.
    """

    def __init__(
        self, teachers, weights=None, name="ensemble", combine=combinations.DEFAULT, **arguments
    ):
        teachers = list(teachers)
        self._check(teachers)
        combination = combinations.get(
            combine,
            len(teachers),
            [known_classes(one) for one in teachers],
            max(2, teachers[0].output_shape[-1]),
            **({} if weights is None else {"weights": weights}),
            **arguments,
        )
        inputs = keras.Input(teachers[0].input_shape[1:], name="image")
        logits = []
        for index, teacher in enumerate(teachers, start=1):
            teacher.trainable = False
            # Wrapped, since two teachers may carry one name, which Keras refuses side by side.
            inner = keras.Input(inputs.shape[1:])
            wrapped = keras.Model(inner, teacher(inner), name=f"teacher{index}")
            logits.append(wrapped(inputs, training=False))
        combination.name = "logits"
        super().__init__(inputs=inputs, outputs=combination(logits), name=name)
        self.trainable = False
        # Behind closures, so that Keras does not track the teachers a second time.
        self._get_teachers = lambda: teachers
        self._get_arguments = lambda: {"weights": weights, "combine": combine, **arguments}

    # Methods, not properties: Keras walks the latter when it saves, and would save members twice.
    def members(self):
        """The teachers by name, in order; those that share a name as `teacher1/NAME` and so on."""
        names = [teacher.name for teacher in self._get_teachers()]
        return {
            name if names.count(name) == 1 else f"teacher{index}/{name}": teacher
            for index, (name, teacher) in enumerate(zip(names, self._get_teachers()), start=1)
        }

    def combination(self):
        """The `keras_kd.teachers.combine.Combination` at its end."""
        return self.get_layer("logits")

    def combine(self, logits):
        """The ensemble's logits at rest.

        Args:
            logits: list of what each member gave, in order, `[B, K]` each.

        Returns:
            float32 `[B, K]`.
        """
        return self.combination()(logits)

    def outputs_at(self, images, seed, labels=None):
        """The logits in a training step.

        Args:
            images: `[B, H, W, C]`.
            seed: int64 `[2]`, the same on all replicas, another one at every step.
            labels: int `[B]` or float `[B, K]`; None where there are none.

        Returns:
            float32 `[B, K]`.
        """
        return taught(self.combination(), self._get_teachers(), images, seed, labels)

    def with_taps(self, names):
        """The ensemble with layers' outputs beside its logits.

        Raises:
            ValueError: no such layers, or a combination that is not one of all members' outputs.
        """
        refuse_taps(self, names)
        return tapped(self, names)

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
            "name": self.name,
            **self._get_arguments(),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        teachers = [
            keras.saving.deserialize_keras_object(one, custom_objects=custom_objects)
            for one in config["teachers"]
        ]
        return cls(**{**config, "teachers": teachers})


def taught(combination, members, images, seed, labels):
    """What members teach in a step: `outputs_at` of an `Ensemble`, for members of any kind.

    Args:
        combination: a `keras_kd.teachers.combine.Combination`.
        members: list of functions of `images` and `training` to logits `[B, K]`.
        images, seed, labels: see `Ensemble.outputs_at`.
    """
    runs = [functools.partial(member, images, training=False) for member in members]
    return combination.teach(runs, seed, labels)


def refuse_taps(ensemble, names):
    """Refuses taps of an ensemble whose combination looks at more than its members' outputs."""
    if names and ensemble.combination().in_batch:
        raise ValueError(
            "Layers of an ensemble can be matched where all its members run, and count alike for "
            f"every example. Received: taps {', '.join(names)} of one that is combined by "
            f"{type(ensemble.combination()).__name__}. Combine by 'mean_probabilities', or match "
            "logits."
        )


def recombined(teacher, combine, some_classes=False, **arguments):
    """A teacher whose members, where it is an ensemble, are combined otherwise.

    Args:
        teacher: Keras model; what is no `Ensemble` is given back as it is.
        combine, **arguments: as of `Ensemble`.
        some_classes: whether one alone may know some of the classes only.

    Raises:
        ValueError: else one that knows some of the classes only, and is alone.
    """
    if not isinstance(teacher, Ensemble):
        known = known_classes(teacher)
        if known and not some_classes:
            raise ValueError(
                "each class of the data must be known to one teacher at least. Received: one "
                f"teacher, who knows {len(known)} of the {teacher.output_shape[-1]}. Add a teacher "
                "of the others."
            )
        return teacher
    return Ensemble(list(teacher.members().values()), combine=combine, **arguments)


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

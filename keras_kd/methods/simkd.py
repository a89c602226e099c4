"""SimKD: the student gets the teacher's classifier, and learns to make the features for it."""

import keras
import numpy as np
from keras import layers, ops

from keras_kd.methods.arguments import integer
from keras_kd.methods.features import FeatureMethod, same_size
from keras_kd.models.taps import flat_calls, tapped

PROJECTED = "simkd_projected"  # tap of the student that `reuse_classifier` makes
TOLERANCE = 0.02  # of the largest feature: what a half-precision teacher may round off


def reuse_classifier(student, teacher, student_tap, teacher_tap, reduction=2):
    """A student that ends in a projector and the teacher's frozen classifier.

    Args:
        student: functional Keras model; its layers up to `student_tap` are kept, with weights.
        teacher: functional Keras model that ends in a `Dense` layer on pooled features.
        student_tap: name of its last map `[B, H, W, C]`.
        teacher_tap: name of the teacher's last map, whose mean over the positions is what the
            classifier sees: `relu` of `keras_kd.models.bit_resnet`, the ReLU after the last norm;
            `stage3` of `resnet`, `stage4` of ResNet-50.
        reduction: the projector's inner channels are the teacher's over this, at least 1.

    Returns:
        a functional `keras.Model` from the student's images to logits, with the tap
        `simkd_projected`. It shares the student's layers; the classifier is a copy that does not
        train.

    Raises:
        ValueError: a teacher that does not end in a `Dense` layer on the mean of this map.
    """
    features = tapped(teacher, [teacher_tap]).output[teacher_tap]
    channels, classifier = features.shape[-1], _classifier(teacher, teacher_tap, features.shape)
    _check_seen(teacher, teacher_tap, classifier)
    trunk = tapped(student, [student_tap])
    x = trunk.output[student_tap]
    if len(x.shape) != 4:
        raise ValueError(
            "SimKD projects the student's last map [B, H, W, C]. Received: student tap "
            f"{student_tap!r} {tuple(x.shape)}. Choose the layer before the global pooling."
        )
    x = _pooled(x, features.shape)
    inner = max(1, channels // reduction)
    for index, (count, kernel) in enumerate(((inner, 1), (inner, 3), (channels, 1)), start=1):
        name = f"simkd_{index}"
        x = layers.Conv2D(count, kernel, padding="same", use_bias=False, name=f"{name}_conv")(x)
        x = layers.BatchNormalization(epsilon=1e-5, momentum=0.9, name=f"{name}_norm")(x)
        x = layers.ReLU(name=PROJECTED if index == 3 else f"{name}_relu")(x)
    x = layers.GlobalAveragePooling2D(name="simkd_pool")(x)
    name = classifier.name
    if name in {layer.name for layer in trunk.layers}:
        name = f"simkd_{name}"
    copy = layers.Dense.from_config({**classifier.get_config(), "name": name, "trainable": False})
    model = keras.Model(trunk.inputs[0], copy(x), name=f"{student.name}_simkd")
    copy.set_weights(classifier.get_weights())
    return model


def _pooled(x, shape):
    """A student's map pooled to the teacher's size where windows divide it evenly, or as it is."""
    if None in (*x.shape[1:3], *shape[1:3]):
        return x
    window = tuple(
        own // its if own % its == 0 else 1 for own, its in zip(x.shape[1:3], shape[1:3])
    )
    return x if window == (1, 1) else layers.AveragePooling2D(window, name="simkd_resize")(x)


def _classifier(teacher, tap, shape):
    """The layer that makes the teacher's logits, checked to see the tap's channels."""
    last = teacher.output._keras_history.operation
    while isinstance(last, keras.Model):
        last = last.output._keras_history.operation
    known = isinstance(last, layers.Dense) and len(shape) == 4
    if not known or last.kernel.shape[0] != shape[-1]:
        sees = f"of {last.kernel.shape[0]} features" if isinstance(last, layers.Dense) else ""
        raise ValueError(
            "SimKD needs a teacher that ends in a Dense layer on the averaged map of its tap. "
            f"Received: last layer {last.name!r} ({type(last).__name__}) {sees}, teacher tap "
            f"{tap!r} {tuple(shape)}. Tap the last map of a convolutional network."
        )
    return last


def _check_seen(teacher, tap, classifier):
    """Refuses a tap whose mean over the positions is not what the classifier is called with.

    The features are compared, not the logits: a classifier that starts at zero would agree with
    every tap.
    """
    images, calls, outputs = flat_calls(teacher, [tap])
    seen = [args[0] for operation, args, _, _ in calls if operation is classifier][-1]
    shape = (2, *(side or 64 for side in images.shape[1:]))
    noise = np.random.default_rng(0).uniform(-1.0, 1.0, shape).astype("float32")
    found = keras.Model(images, [outputs[tap], seen])(noise, training=False)
    map_, seen = (ops.convert_to_numpy(ops.cast(x, "float32")) for x in found)
    gap, size = np.abs(map_.mean((1, 2)) - seen).max(), np.abs(seen).max()
    if not gap <= TOLERANCE * size:
        raise ValueError(
            "SimKD reuses the teacher's classifier, so its tap must be the map whose mean over the "
            f"positions that classifier reads. Received: teacher tap {tap!r}, whose mean is off by "
            f"{gap:.3g} where the features read are of size {size:.3g}. Tap the layer right before "
            "the global pooling, after the last norm and ReLU."
        )


@keras.saving.register_keras_serializable(package="keras_kd")
class SimKD(FeatureMethod):
    """Matches the map that the teacher's own classifier reads; the student reuses that classifier.

    The mean squared difference of the student's projected map and the teacher's map. The larger
    one is pooled: a student's before its projector, as in the public implementation, where its
    sides are multiples of the teacher's, and its projected map otherwise. The projector and the
    classifier's frozen copy become part of the student and leave with it. Before training,

        student = method.prepare_student(student, teacher)

    makes that student; on a student that has no projector this method is its loss alone and
    needs maps with as many channels. Under several replicas the projector's batch norm is that of
    the *replica's own* part of the batch, so two replicas do not equal one.

    Knowledge: feature. Needs: last maps as taps; a teacher of pooling and one Dense; no labels.
    Paper: Chen et al. 2022, arXiv 2203.14001.

    Args:
        student_taps: name of the student's last map, one.
        teacher_taps: name of the teacher's last map, after the last norm and ReLU, one; see
            `reuse_classifier`.
        reduction: the projector's inner channels are the teacher's over this, at least 1; the
            paper's value is 2.
        **kwargs: as for `Method`. In the paper this loss stands alone, with no label loss.

    Raises:
        ValueError: other than one pair of taps, taps that are no maps or differ in channels.
    """

    def __init__(self, student_taps=(), teacher_taps=(), reduction=2, **kwargs):
        super().__init__(student_taps=student_taps, teacher_taps=teacher_taps, **kwargs)
        if len(self.student_taps) != 1:
            raise ValueError(
                "SimKD matches the last maps, one pair of taps. "
                f"Received: student_taps={list(self.student_taps)}."
            )
        self.reduction = integer(reduction=reduction)
        self.last_map = self.student_taps[0]

    reaches_classifier = True  # the classifier is the teacher's, and ready

    def prepare_student(self, student, teacher):
        """The student with a projector and the teacher's classifier, whose projected map is tapped.

        Args:
            student: functional Keras model.
            teacher: functional Keras model with its final weights, ending in a `Dense` layer.

        Returns:
            a `keras.Model`, see `reuse_classifier`.
        """
        taps = self.last_map, self.teacher_taps[0]
        student = reuse_classifier(student, teacher, *taps, self.reduction)
        self.student_taps = (PROJECTED,)
        return student

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        (student, teacher), *_ = self.shape_pairs(student_shape, teacher_shape)
        if student[-1] != teacher[-1]:
            raise ValueError(
                "SimKD compares maps with as many channels. Received: student tap "
                f"{self.student_taps[0]!r} {student}, teacher tap {self.teacher_taps[0]!r} "
                f"{teacher}. Train the student that method.prepare_student(student, teacher) makes."
            )
        self.built = True

    def call(self, batch, student, teacher):
        s, t = same_size(*self.pairs(student, teacher)[0])
        return ops.mean(ops.square(s - t), axis=(1, 2, 3))

    def get_config(self):
        # The tap as it was given: a copy prepares a student of its own.
        own = {"student_taps": [self.last_map], "reduction": self.reduction}
        return {**super().get_config(), **own}

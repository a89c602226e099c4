"""Be your own teacher: the deepest section of a network teaches its shallower ones."""

import keras
from keras import layers, ops

from keras_kd.data.labels import CLASSES
from keras_kd.methods.arguments import not_negative, number, positive
from keras_kd.methods.base import Method
from keras_kd.methods.features import FLOAT
from keras_kd.methods.response import softened_kl
from keras_kd.models.output import two_classes
from keras_kd.models.taps import tapped


def exit_network(name, shape, width, classes, last_side):
    """What makes an answer of a section's map: a strided convolution, the mean, a classifier.

    Args:
        name: its name.
        shape: `(None, H, W, C)` of the map.
        width: channels of the convolution, and so of the features.
        classes: number of logits.
        last_side: side of the student's last map, to which the stride comes near.

    Returns:
        a `keras.Model` from the map to a dict of `features` `[B, width]` and `logits` `[B, K]`.
    """
    stride = max(1, round(shape[1] / last_side)) if shape[1] and last_side else 1
    x = features = keras.Input(shape[1:], dtype=FLOAT)
    x = layers.Conv2D(width, 3, stride, padding="same", activation="relu", dtype=FLOAT)(x)
    x = layers.GlobalAveragePooling2D(dtype=FLOAT)(x)
    logits = layers.Dense(classes, dtype=FLOAT)(x)
    return keras.Model(features, {"features": x, "logits": logits}, name=name)


@keras.saving.register_keras_serializable(package="keras_kd")
class BYOT(Method):
    """Shallow sections of the student learn from its last one, through exits that it brings.

    Each tapped map gets an exit: a 3x3 convolution to about the side of the last tap, ReLU, the
    mean over the positions, a classifier. Its loss is (1 - alpha) CE(label) + alpha KL(student ||
    exit) at temperature T, and `hint_weight` times the squared distance of its features, through a
    linear map, to the student's own; student and features are taken as constant. The student's own
    labels are those of `label_weight`. As in the authors' code there is no T^2; its distance is one
    norm over the whole batch, and its exits are deeper, with batch norm, here without, so that the
    loss of an example depends on no other. The exits are left behind; the report tells how often
    each is right.

    Knowledge: response. Needs: labels; maps at the ends of the student's sections as
    taps; no teacher (a given one is not looked at).
    Paper: Zhang et al. 2019, arXiv 1905.08094.

    Args:
        student_taps: names of the sections' last maps, shallow ones first, one at least.
        alpha: share of the student's own answers, in [0, 1]; 0.3 in the authors' code.
        temperature: T > 0; 3 in the authors' code.
        features: name of the student's vector before its classifier; empty: no distance.
        hint_weight: factor of the distance, at least 0; 0.03 in the authors' code.
        exits: names among the taps of those whose exits leave with the student, as early answers
            (a run writes `exits.keras`, and its export `exits.tflite`).
        width: channels of an exit; None: as many as its map has, or as the features have.
        **kwargs: as for `Method`.

    Raises:
        ValueError: no tap, taps that are no maps, or an impossible share.
    """

    scheme = "self"
    needs_teacher = False
    needs_labels = True
    label_kind = CLASSES

    def __init__(
        self,
        student_taps=(),
        alpha=0.3,
        temperature=3.0,
        features="",
        hint_weight=0.03,
        exits=(),
        width=None,
        **kwargs,
    ):
        sections = [tap for tap in student_taps if tap != features]
        super().__init__(student_taps=[*sections, *filter(None, [features])], **kwargs)
        if not sections:
            raise ValueError(
                "BYOT teaches sections of the student: student_taps must name the last map of "
                f"one at least. Received: student_taps={list(student_taps)}. Name them, such as "
                "['stage1', 'stage2']; keras_kd.models.taps.tap_names(model) lists what there is."
            )
        if not 0.0 <= number(alpha) <= 1.0:
            raise ValueError(f"alpha must lie in [0, 1]. Received: alpha={alpha!r}.")
        self.sections, self.features = tuple(sections), features
        unknown = [name for name in exits if name not in sections]
        if unknown or len(set(exits)) < len(exits):
            raise ValueError(
                "BYOT has an exit for each tapped section, and exits names, each once, those that "
                f"leave. Received: exits={list(exits)}, student_taps={sections}. Tap the other "
                "sections, too, or ask for fewer exits."
            )
        self.leaving = tuple(exits)
        self.alpha, self.width = float(alpha), width
        self.temperature = positive(temperature=temperature)
        self.hint_weight = not_negative(hint_weight=hint_weight)

    def build(self, batch_shape=None, student_shape=None, teacher_shape=None):
        for name in self.sections:
            if len(student_shape[name]) != 4:
                raise ValueError(
                    "BYOT's exits read maps [B, H, W, C]. Received: student tap "
                    f"{name!r} {tuple(student_shape[name])}. Tap the last layer of a section "
                    "before the pooling."
                )
        last_side = student_shape[self.sections[-1]][1]
        features = student_shape[self.features][-1] if self.features else None
        classes = student_shape["logits"][-1]
        self.heads = [
            exit_network(
                f"exit_{name.replace('/', '_')}",
                student_shape[name],
                self.width or features or student_shape[name][-1],
                classes,
                last_side,
            )
            for name in self.sections
        ]
        self.hints = []
        if self.features and self.hint_weight:
            # None for the shallowest, as in the authors' code.
            self.hints = [layers.Dense(features, dtype=FLOAT) for _ in self.heads[1:]]
            for hint, network in zip(self.hints, self.heads[1:]):
                hint.build(network.output["features"].shape)
        self.built = True

    def call(self, batch, student, teacher):
        if "labels" not in batch:
            raise ValueError(
                "BYOT's exits learn from labels, too, so it needs them in the batch. Received: "
                f"batch with {sorted(batch)}. Give data of (images, labels)."
            )
        deepest = ops.stop_gradient(ops.cast(two_classes(student["logits"]), FLOAT))
        found = [network(student[name]) for name, network in zip(self.sections, self.heads)]
        loss = 0.0
        for each in found:
            logits = two_classes(each["logits"])
            soft = softened_kl(deepest, logits, self.temperature) / self.temperature**2
            hard = self.label_kind.loss(batch["labels"], logits)
            loss += (1.0 - self.alpha) * hard + self.alpha * soft
        for hint, each in zip(self.hints, found[1:]):
            own = ops.stop_gradient(ops.cast(student[self.features], FLOAT))
            gap = ops.sum(ops.square(hint(each["features"]) - own), axis=-1)
            loss += self.hint_weight * gap
        return loss

    def evaluated(self, networks):
        sections = tapped(networks[self.learner], self.sections)
        return {
            network.name: keras.Model(
                sections.inputs[0], network(sections.output[name])["logits"], name=network.name
            )
            for name, network in zip(self.sections, self.heads)
        }

    def with_exits(self, student):
        if not self.leaving:
            return None
        heads, whole = dict(zip(self.sections, self.heads)), tapped(student, self.leaving)
        early = {heads[name].name: heads[name](whole.output[name]) for name in self.leaving}
        answers = {name: found["logits"] for name, found in early.items()}
        return keras.Model(whole.inputs[0], {**answers, "logits": whole.output["logits"]})

    def get_config(self):
        own = {"alpha": self.alpha, "temperature": self.temperature, "features": self.features}
        own |= {"hint_weight": self.hint_weight, "width": self.width, "exits": self.leaving}
        return {**super().get_config(), **own}

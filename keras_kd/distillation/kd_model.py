"""KDModel: the one place where teacher and student meet."""

import keras
import tensorflow as tf
from keras import ops

from keras_kd.data.batch import cross_entropy, once_arrived, unpack, view, weight_of
from keras_kd.distillation import seeds
from keras_kd.distribution import replicas as distribute
from keras_kd.evaluation.fidelity import agreement, kl_divergence
from keras_kd.methods.arguments import not_negative
from keras_kd.methods.base import Method
from keras_kd.models.output import ends_in_probabilities
from keras_kd.models.taps import tapped


class KDModel(distribute.ReplicaSafe, keras.Model):
    """Trains a student to match a teacher; called as a model, it *is* the student.

    The loss is the mean over the global batch of
    `sum(method.weight * method) + label_weight * cross_entropy(labels)`, each example times its
    `sample_weight`, plus the regularisation losses of the student and of the methods.

    Args:
        student: functional or `Sequential` Keras model from images to logits `[B, K]`.
        teacher: Keras model that gives logits (or a dict with `logits`); None where batches carry
            `teacher_logits`, or where the student learns from labels alone. It is never trained,
            tracked or saved.
        methods: a `keras_kd.methods.Method`, a list of them, or None.
        label_weight: factor of the labels' cross-entropy, finite and at least 0. Labels may be
            int `[B]` or float `[B, K]`; at 0 they only feed metrics and may be missing.
        fidelity: whether evaluation also runs the teacher and reports `kl` and `agreement`.
        seed: int that all randomness inside the student and the methods (dropout) then depends
            on, with the step and the replica, and on nothing before; None leaves it to Keras.
        name: name of the model.

    Raises:
        ValueError: a student or teacher that does not give logits, or nothing to learn from.

    Example:
        kd = KDModel(student, teacher, SoftTargets(temperature=2.0))
        kd.compile(optimizer="adam", metrics=["sparse_categorical_accuracy"])
        kd.fit(train_dataset, epochs=10)
        kd.student.save("student.keras")
    """

    def __init__(
        self,
        student,
        teacher=None,
        methods=None,
        label_weight=0.0,
        fidelity=False,
        seed=None,
        name="kd",
    ):
        super().__init__(name=name, dtype=student.dtype_policy)
        self.student = student
        self.methods = _unique(methods)
        self.label_weight = _label_weight(label_weight, self.methods)
        self.fidelity = bool(fidelity)
        _refuse_probabilities("student", student)
        _refuse_probabilities("teacher", teacher)
        # Behind closures Keras does not see them: no teacher in weights, checkpoints, summaries.
        student_pass = _outputs(student, [tap for m in self.methods for tap in m.student_taps])
        teacher_pass = _outputs(teacher, [tap for m in self.methods for tap in m.teacher_taps])
        self._student_pass = lambda images, training: student_pass(images, training)
        self._teacher_pass = lambda images: teacher_pass(images, False)
        self._teacher = lambda: teacher
        self._build_methods()
        self.seed = seed
        random = seeds.generator_states([student, *self.methods]) if seed is not None else []
        self._random_states = lambda: random
        names = [m.name for m in self.methods] + (["labels"] if self.label_weight else [])
        self._trackers = {name: keras.metrics.Mean(name=name) for name in names}
        self._fidelity = {n: keras.metrics.Mean(name=n) for n in ("kl", "agreement") if fidelity}
        self._gradients = self._loss_and_gradients
        self.built = True

    @property
    def teacher(self):
        """The teacher, as it was given."""
        return self._teacher()

    def __dir__(self):
        # `save_weights` walks `dir()`, properties included; the teacher is not part of the model.
        return [name for name in super().__dir__() if name != "teacher"]

    def call(self, inputs, training=False):
        """The student's logits `[B, K]` for a tensor of images or a batch dict."""
        return self.student(view(inputs, "student"), training=training)

    def compile(self, optimizer="rmsprop", loss=None, jit_compile="auto", **kwargs):
        """As `keras.Model.compile`; the loss is made of methods and labels, so it takes none."""
        if loss is not None:
            raise ValueError(
                "KDModel makes its loss from `methods` and `label_weight`. "
                f"Received: loss={loss!r}. Leave loss out."
            )
        several = self.distribute_strategy.num_replicas_in_sync > 1
        super().compile(optimizer, jit_compile=jit_compile, **kwargs)
        # XLA compiles the student's pass alone: the teacher has an engine of its own, which XLA may
        # make many times slower, and all-reduces cannot be compiled.
        inner_xla, self.jit_compile = self.jit_compile, False
        if several:
            distribute.sum_first(self.optimizer)
        self._gradients = (
            tf.function(self._loss_and_gradients, jit_compile=True)
            if inner_xla
            else self._loss_and_gradients
        )
        with self.distribute_strategy.scope():
            self.optimizer.build(self.trainable_variables)
            counts = [
                keras.Variable(
                    start, dtype="int64", trainable=False, aggregation="only_first_replica"
                )
                for start in (0, -1)
            ]
        self._steps_and_bad_step = lambda: counts  # no weights: nothing to save

    @once_arrived
    def train_step(self, data):
        batch = unpack(data)
        seeds.set_states(self._random_states(), self.seed, self._steps_and_bad_step()[0])
        for method in self.methods:
            batch = method.before_step(batch)
        count = ops.cast(ops.shape(view(batch, "student"))[0], "float32")
        total = distribute.sum_over_replicas(count)
        teacher = self._teach(batch)
        losses, loss, student, gradients = self._gradients(batch, teacher, count, total)
        summed = distribute.sum_over_replicas([loss * count / total, *gradients])
        self._note_bad_step(summed[0])
        self.optimizer.apply(summed[1:], self.trainable_variables)
        distribute.average_over_replicas(self._statistics(), count, total)
        # TensorFlow's graph optimizer may drop the order of a read in the loss and a later write.
        with tf.control_dependencies(summed[:1]):
            for method in self.methods:
                method.after_step(batch, student, teacher)
        self._loss_tracker.update_state(loss, sample_weight=count)
        for name, value in losses.items():
            self._trackers[name].update_state(value * weight_of(batch))
        return self._logs(batch, student["logits"], {"loss", *losses})

    @once_arrived
    def test_step(self, data):
        batch = unpack(data)
        logits = ops.cast(self(batch, training=False), "float32")
        names = set()
        if "labels" in batch:
            names.add("loss")
            self._loss_tracker.update_state(
                cross_entropy(batch["labels"], logits) * weight_of(batch)
            )
        if self.fidelity:
            names.update(self._fidelity)
            teacher, weight = self._teach(batch)["logits"], batch.get("sample_weight")
            self._fidelity["kl"].update_state(kl_divergence(teacher, logits), weight)
            self._fidelity["agreement"].update_state(agreement(teacher, logits), weight)
        if not names:
            raise ValueError(
                "Nothing to evaluate: the data has no labels and fidelity is off. "
                f"Received: batch with {sorted(batch)}. Give labels, or KDModel(fidelity=True)."
            )
        return self._logs(batch, logits, names)

    def predict_step(self, data):
        return self(keras.utils.unpack_x_y_sample_weight(data)[0], training=False)

    def save(self, *args, **kwargs):
        """Refuses: only the student leaves."""
        raise NotImplementedError(
            "KDModel is a way to train, not a model to ship. Save the student: "
            "kd.student.save('student.keras'). To go on training later, kd.save_weights(...)."
        )

    def go_on_from(self, step):
        """Sets the step that comes next, for a compiled model whose weights are of this step."""
        self._steps_and_bad_step()[0].assign(step)

    @property
    def first_bad_step(self):
        """The first step since `compile`, from 0, whose loss was not finite, or None."""
        bad = int(self._steps_and_bad_step()[1].numpy()) if self.compiled else -1
        return None if bad < 0 else bad

    def _loss_and_gradients(self, batch, teacher, count, total):
        """The student's pass: per-example losses, their local mean, outputs, gradients."""
        with tf.GradientTape() as tape:
            student = self._student_pass(view(batch, "student"), True)
            losses = self._example_losses(batch, student, teacher)
            weighted = sum(self._factors()[name] * loss for name, loss in losses.items())
            summed = ops.sum(weighted * weight_of(batch))
            own = [*self.student.losses, *(loss for m in self.methods for loss in m.losses)]
            own = sum((ops.cast(loss, "float32") for loss in own), 0.0)
            # Over all replicas these sum to the mean over the global batch + `own`, once.
            loss = summed / total + own * self._share()
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, [v.value for v in self.trainable_variables])
        return losses, summed / ops.maximum(count, 1.0) + own, student, gradients

    def _example_losses(self, batch, student, teacher):
        """float32 `[B]` of each method by name, and of `labels` where they count."""
        losses = {m.name: _per_example(m, m(batch, student, teacher)) for m in self.methods}
        if self.label_weight:
            if "labels" not in batch:
                raise ValueError(
                    "label_weight needs labels in the batch. "
                    f"Received: label_weight={self.label_weight}, batch with {sorted(batch)}."
                )
            losses["labels"] = cross_entropy(batch["labels"], student["logits"])
        return losses

    def _factors(self):
        step = self._steps_and_bad_step()[0]
        return {m.name: m.weight_at(step) for m in self.methods} | {"labels": self.label_weight}

    def _share(self):
        return 1.0 / self.distribute_strategy.num_replicas_in_sync

    def _teach(self, batch):
        """The teacher's outputs: from the batch, from the teacher, or none."""
        if "teacher_logits" in batch:
            tapping = [m.name for m in self.methods if m.teacher_taps]
            if tapping:
                raise ValueError(
                    "'teacher_logits' in the batch stand for the teacher, and have no features. "
                    f"Received: teacher_taps of {', '.join(tapping)}. Leave these methods out, or "
                    "'teacher_logits', so that the teacher itself runs."
                )
            return {"logits": self._stored_logits(batch["teacher_logits"])}
        if not self.fidelity and not any(m.needs_teacher for m in self.methods):
            return {}
        if self.teacher is None:
            raise ValueError(
                "There is no one to learn from: give KDModel a teacher, or batches with "
                f"'teacher_logits'. Received: teacher=None, batch with {sorted(batch)}."
            )
        return tf.nest.map_structure(tf.stop_gradient, self._teacher_pass(view(batch, "teacher")))

    def _stored_logits(self, logits):
        if tuple(logits.shape[1:]) != tuple(self.student.output_shape[1:]):
            raise ValueError(
                "teacher_logits must be [B, K] with the student's K classes. Received: "
                f"teacher_logits of shape {tuple(logits.shape)}, student of "
                f"{self.student.output_shape}. Compute them with a teacher of these classes."
            )
        return ops.cast(logits, "float32")

    def _statistics(self):
        """The student's moving averages: float weights that no gradient moves."""
        return [v for v in self.student.non_trainable_variables if "float" in str(v.dtype)]

    def _build_methods(self):
        """Builds every method from symbolic shapes: layers built in a step would come too late."""
        images = self.student.input_shape
        for method in self.methods:
            if method.built:
                raise ValueError(
                    "A method object belongs to one KDModel, since it may hold weights. Received: "
                    f"{method.name}, which is in use already. Make a new one."
                )
            student = _shapes(self.student, method.student_taps, images)
            teacher = student
            if self.teacher is not None:
                teacher = _shapes(self.teacher, method.teacher_taps, images)
            elif method.teacher_taps:
                raise ValueError(
                    f"{method.name} taps the teacher's layers, so it needs the teacher itself. "
                    f"Received: teacher=None, teacher_taps={list(method.teacher_taps)}."
                )
            method.build({"image": images}, student, teacher)

    def _note_bad_step(self, loss):
        """Remembers the first step whose loss is not finite, without leaving the device."""
        # `optimizer.iterations` would not do: loss scaling leaves out steps that overflow.
        step, bad = self._steps_and_bad_step()
        is_first = ops.logical_and(bad < 0, ops.logical_not(ops.isfinite(loss)))
        bad.assign(ops.where(is_first, step, bad))
        step.assign_add(1)

    def _logs(self, batch, logits, names):
        """This phase's own results by name, and the compiled metrics where there are labels."""
        results, own = self.get_metrics_result(), set(names)
        if "labels" in batch:
            for metric in self.metrics:
                if not getattr(metric, "built", True):
                    # New variables cannot wait for a batch: TensorFlow fills them before the step.
                    with tf.control_dependencies(None):
                        metric.build(batch["labels"], logits)
            weight = batch.get("sample_weight")
            results = self.compute_metrics(None, batch["labels"], logits, weight)
            own = results.keys() - {"loss", *self._trackers, *self._fidelity} | own
        return {name: value for name, value in results.items() if name in own}

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """As in Keras, but labels may be missing."""
        if y is None:
            return self.get_metrics_result()
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def get_metrics_result(self):
        """As in Keras, but leaves out metrics that have not seen a label yet."""
        results = {}
        for metric in self.metrics:
            if getattr(metric, "built", True):
                value = metric.result()
                results.update(value if isinstance(value, dict) else {metric.name: value})
        return results


def _per_example(method, loss):
    if len(loss.shape) != 1:
        raise ValueError(
            "A method must return one loss per example, of shape [B]. Received: "
            f"{method.name} returned shape {tuple(loss.shape)}. Take the mean over all axes but "
            "the first; the model takes the mean over the batch."
        )
    return loss


def _unique(methods):
    """The methods as a list, with names that do not collide within this model."""
    if methods is None:
        return []
    methods = [methods] if isinstance(methods, Method) else list(methods)
    taken = {"loss", "labels", "kl", "agreement"}
    for method in methods:
        if not isinstance(method, Method):
            raise ValueError(
                "methods must be keras_kd.methods.Method objects. "
                f"Received: methods={methods!r}. Make them with keras_kd.methods.get(name, ...)."
            )
        name, count = method.name, 1
        while method.name in taken:
            count += 1
            method.name = f"{name}_{count}"
        taken.add(method.name)
    return methods


def _label_weight(label_weight, methods):
    weight = not_negative(label_weight=label_weight)
    if not weight and not methods:
        raise ValueError(
            "There is nothing to learn from. Received: methods=None, label_weight=0. Give a "
            "method, for example keras_kd.methods.SoftTargets(), or a label_weight above 0."
        )
    return weight


def _refuse_probabilities(role, model):
    """A model that ends in softmax would be softened twice, silently."""
    squashing = ends_in_probabilities(model)
    if squashing:
        raise ValueError(
            f"The {role} must end in logits. Received: the model {model.name!r}, which ends in "
            f"{squashing}. Build it with classifier_activation=None, or set that layer's "
            "activation to None."
        )


def _outputs(model, taps):
    """A function (images, training) -> outputs dict of one single pass through `model`."""
    if taps and model is not None:
        model = _tapped(model, taps)

    def run(images, training):
        outputs = model(images, training=training)
        return outputs if isinstance(outputs, dict) else {"logits": outputs}

    return run


def _tapped(model, taps):
    """The model with these taps; a frozen teacher knows how to give its own."""
    return model.with_taps(taps) if hasattr(model, "with_taps") else tapped(model, taps)


def _shapes(model, taps, images):
    """Shapes of the outputs dict of `model`, without running it."""
    if taps:
        outputs = _tapped(model, taps).output
    elif isinstance(getattr(model, "output", None), keras.KerasTensor | dict):
        outputs = model.output
    else:
        outputs = model(keras.KerasTensor(images))
    outputs = outputs if isinstance(outputs, dict) else {"logits": outputs}
    return {name: tuple(tensor.shape) for name, tensor in outputs.items()}

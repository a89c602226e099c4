"""KDModel: the one place where networks meet."""

import functools
import inspect

import keras
import tensorflow as tf
from keras import ops

from keras_kd.data.batch import once_arrived, unpack, view, weight_of
from keras_kd.distillation import seeds
from keras_kd.distillation.accepted import by_name, check_networks
from keras_kd.distillation.averaging import averages_of
from keras_kd.distillation.checks import (
    refuse_answers,
    refuse_idle,
    refuse_two_evaluated,
    refuse_whole_models,
)
from keras_kd.distillation.label_checks import LabelChecks, label_kind
from keras_kd.distillation.learning import optimizers_of, prepared
from keras_kd.distillation.networks import all_methods, build_methods, named_networks, weightless
from keras_kd.distillation.passes import Pass, examples_in
from keras_kd.distillation.results import Results
from keras_kd.distillation.sources import Sources
from keras_kd.distillation.state import NamedState, StepCounter
from keras_kd.distribution import replicas
from keras_kd.evaluation.fidelity import agreement, kl_divergence
from keras_kd.methods.arguments import not_negative
from keras_kd.methods.labels import label_loss
from keras_kd.methods.phases import arranged
from keras_kd.models.output import logits_of


class KDModel(LabelChecks, Results, Sources, NamedState, replicas.ReplicaSafe, keras.Model):
    """Trains a student to match a teacher; called as a model, it *is* the student.

    That is short for the general case: named networks, of which the learners learn and the sources
    are followed, and phases (`keras_kd.methods.phases.Phase`). Each learner's loss is the mean over
    the global batch of `sum(method.weight * method)` over its methods, each example times its
    `sample_weight`, plus the regularisation losses of the learner and of these methods.

    Args:
        student: functional or `Sequential` Keras model from images to logits `[B, K]`, or to a dict
            with `logits`. One logit z is two classes, [0, z], to losses and metrics.
        teacher: Keras model that gives logits (or a dict with `logits`); None where batches carry
            `teacher_logits`, or where the student learns from labels alone. It is never trained,
            tracked or saved.
        methods: a `keras_kd.methods.Method`, a list of them, or None.
        label_weight: factor of the labels' cross-entropy for the student, finite and at least 0;
            short for the method `Labels`. Labels may be int `[B]` or float `[B, K]`; at 0 they only
            feed metrics and may be missing.
        learners: dict of name to further Keras models that learn, such as `{"peer": model}`.
        sources: dict of name to further networks like the teacher, to be followed.
        fidelity: whether evaluation also runs the teacher and reports `kl` and `agreement`.
        seed: int that all randomness inside learners and methods (dropout, noise) then depends
            on, with the step and the replica, and on nothing before; None leaves it to Keras.
        name: name of the model.
        followers: list of `keras_kd.distillation.followers.Follower`, such as an `Average`.
        label_classes: indices of the classes between which the loss of `label_weight` decides,
            where there are images of these alone; None: all.

    Raises:
        ValueError: a network that does not give logits, or nothing to learn from.

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
        learners=None,
        sources=None,
        fidelity=False,
        seed=0,
        name="kd",
        *,
        followers=(),
        label_classes=None,
    ):
        others = by_name("learners", learners, "peer")
        learners = {"student": student, **others}
        frozen = {} if teacher is None else {"teacher": teacher}
        frozen |= by_name("sources", sources, "assistant")
        check_networks(learners, frozen)
        super().__init__(name=name, dtype=student.dtype_policy)
        self.student = student
        self.label_weight = not_negative(label_weight=label_weight)
        labels = label_loss(methods, self.label_weight, label_classes)
        methods = all_methods(methods, labels, others)
        self.label_kind = label_kind(methods, learners)
        followers = [*followers, *averages_of(methods)]
        refuse_two_evaluated(followers)
        for follower in followers:
            follower.begin(learners)
        networks = named_networks(learners, frozen, followers, methods)
        still = {*frozen, *(follower.name for follower in followers)} | weightless(networks)
        learners = {n: network.model for n, network in networks.items() if n not in still}
        self._other_learners = {n: m for n, m in learners.items() if m is not student}
        refuse_answers(methods, frozen)
        self.methods = methods
        self.followers = followers
        self.fidelity = bool(fidelity)
        self.seed = seed
        build_methods(methods, networks)
        passes = [
            Pass(phase, methods, networks, still)
            for phase in arranged(methods)
            for _ in range(phase.repeats)
        ]
        refuse_idle(learners, methods, passes)
        random = seeds.generator_states([*learners.values(), *methods])
        # Behind closures Keras does not see them: no teacher in weights, checkpoints, summaries.
        self._networks = lambda: networks
        self._frozen = lambda: frozen
        self._passes = lambda: passes
        self._random_states = lambda: random if seed is not None else []
        self.step_counter = StepCounter()  # after all others: the student's weights come first
        bad = keras.Variable(-1, dtype="int64", trainable=False, aggregation="only_first_replica")
        self._steps_and_bad_step = lambda: (self.step, bad)  # the second is never saved
        self._make_trackers(learners)
        self._gradients = self._loss_and_gradients
        self.built = True

    @property
    def teacher(self):
        """The teacher, as it was given."""
        return self._frozen().get("teacher")

    @property
    def networks(self):
        """All networks by name, as `keras_kd.distillation.networks.Network`."""
        return self._networks()

    @property
    def learners(self):
        """The learners by name, as Keras models: the student first."""
        return {"student": self.student, **self._other_learners}

    def times(self, learner):
        """How often a learner's optimizer moves it in a training step."""
        return sum(learner in one.phase.learners for one in self._passes())

    @property
    def evaluated(self):
        """The network that is called and evaluated, and leaves: the student or its average."""
        standing = [each.network for each in self.followers if each.evaluated]
        return standing[0] if standing else self.student

    def beside_student(self):
        """What answers beside the student and does not leave: dict of name to Keras model.

        Further learners from images, and what methods tell of, see `Method.evaluated`.
        """
        networks = self._networks()
        known = {name: each.model for name, each in networks.items()}
        further = {
            name: model
            for name, model in self.learners.items()
            if name != "student" and networks[name].on_images
        }
        return further | {k: v for m in self.methods for k, v in m.evaluated(known).items()}

    def __dir__(self):
        # `save_weights` walks `dir()`, properties included; the teacher is not part of the model.
        hidden = ("teacher", "networks", "learners", "evaluated")
        return [name for name in super().__dir__() if name not in hidden]

    def call(self, inputs, training=False):
        """What the student gives for a tensor of images or a batch dict."""
        network = self.evaluated
        return network(view(inputs, "student"), training=training and network is self.student)

    def compile(self, optimizer="rmsprop", loss=None, jit_compile="auto", **kwargs):
        """As `keras.Model.compile`, with one optimizer, or a dict of them by learner.

        The losses are made of methods, so it takes none. Where there was training before, the step
        is 0 again.
        """
        if loss is not None:
            raise ValueError(
                "KDModel makes its loss from `methods` and `label_weight`. "
                f"Received: loss={loss!r}. Leave loss out."
            )
        chosen = optimizers_of(optimizer, list(self.learners))
        several = self.distribute_strategy.num_replicas_in_sync > 1
        step, bad = self._steps_and_bad_step()
        if self.compiled:
            step.assign(0)
        bad.assign(-1)
        super().compile(chosen["student"], jit_compile=jit_compile, **kwargs)
        # XLA compiles the learners' passes alone: the teacher has an engine of its own, which XLA
        # may make many times slower, and all-reduces cannot be compiled.
        inner_xla, self.jit_compile = self.jit_compile, False
        self._gradients = (
            tf.function(self._loss_and_gradients, jit_compile=True)
            if inner_xla
            else self._loss_and_gradients
        )
        with self.distribute_strategy.scope():
            self.optimizers = prepared(
                {**chosen, "student": self.optimizer},
                self.learners,
                {name: self.variables_of(name) for name in self.learners},
                kwargs.get("auto_scale_loss", True),
                several,
            )

    def fit(self, *args, **kwargs):
        """As `keras.Model.fit`; refuses callbacks that would save this model as a whole."""
        given = inspect.signature(super().fit).bind(*args, **kwargs).arguments
        refuse_whole_models(given.get("callbacks"))
        return super().fit(*args, **kwargs)

    def variables_of(self, learner):
        """What a learner's optimizer moves: its weights, and those of the methods that teach it."""
        parts = [self.learners[learner], *(m for m in self.methods if m.learner == learner)]
        return list({id(v): v for part in parts for v in part.trainable_variables}.values())

    @once_arrived
    def train_step(self, data):
        batch = unpack(data)
        seeds.set_states(self._random_states(), self.seed, self.step)
        for method in self.methods:
            batch = method.before_step(batch)
            batch |= {"step": tf.identity(self.step.value)} if method.needs_step else {}
        count = ops.cast(examples_in(batch), "float32")
        total = replicas.sum_over_replicas(count)
        seen, done = {}, []  # outputs by (maker of the images, network); what each phase gave
        for one in self._passes():
            images, given = self._before(one, batch, count, total, seen)
            losses, means, ran, gradients = self._gradients(one, images, given, count, total)
            summed = replicas.sum_over_replicas(
                [*(mean * count / total for mean in means), *gradients]
            )
            self._learn(one.phase.learners, summed[len(means) :])
            statistics = self._statistics(one.phase.learners)
            replicas.average_over_replicas(statistics, count, total)
            images, outputs = one.after(images, given, ran, seen)
            done.append((one, images, outputs, losses, means, summed[: len(means)]))
        for one, images, outputs, *_, summed in done:
            # TensorFlow's graph optimizer may drop the order of a read in the loss and a later
            # write.
            with tf.control_dependencies(summed):
                for method in one.methods:
                    method.after_step(images, *one.seen_by(method, outputs))
        self._end_step([loss for *_, summed in done for loss in summed])
        on_data = {name: outputs for (maker, name), outputs in seen.items() if not maker}
        for follower in self.followers:
            follower.after_step(self.step, batch, on_data)
        names = self._track(done, count)
        return self._logs(batch, on_data.get("student", {}).get("logits"), names)

    @once_arrived
    def test_step(self, data):
        batch = unpack(data)
        count, shown = examples_in(batch), replicas.never_empty(batch)
        logits = ops.cast(logits_of(self(shown, training=False)), "float32")[:count]
        names = set()
        if "labels" in batch:
            names.add("loss")
            loss = self.label_kind.loss(batch["labels"], logits)
            self._loss_tracker.update_state(loss * weight_of(batch))
        if self.fidelity:
            names.update(self._fidelity)
            teacher = self._answer("teacher", shown, at_rest=True)["logits"][:count]
            weight = batch.get("sample_weight")
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

    def finish(self):
        """Ends the training: an average that was evaluated is put into the student."""
        for follower in self.followers:
            follower.finish()

    def _loss_and_gradients(self, one, batch, given, count, total):
        """One phase's pass: losses by example, each learner's local mean, outputs, gradients."""
        learners, means, scaled = one.phase.learners, [], []
        share = 1.0 / self.distribute_strategy.num_replicas_in_sync
        with tf.GradientTape(persistent=len(learners) > 1) as tape:
            batch, ran = one.run(batch)
            losses = one.losses(batch, one.outputs(given, ran))
            for learner in learners:
                taught = [m for m in one.methods if m.learner == learner]
                weighted = sum(m.weight_at(self.step) * losses[m.name] for m in taught)
                summed = ops.sum(weighted * weight_of(batch))
                own = [loss for part in (self.learners[learner], *taught) for loss in part.losses]
                own = sum((ops.cast(loss, "float32") for loss in own), 0.0)
                # Over all replicas these sum to the mean over the global batch + `own`, once.
                loss = summed / total + own * share
                scaled.append(self.optimizers[learner].scale_loss(loss))
                means.append(summed / ops.maximum(count, 1.0) + own)
        gradients = [
            gradient
            for learner, loss in zip(learners, scaled)
            for gradient in tape.gradient(loss, [v.value for v in self.variables_of(learner)])
        ]
        if one.makes_images:
            ran[one.phase.images] = batch
        return losses, means, ran, gradients

    def _learn(self, learners, gradients):
        for learner in learners:
            variables = self.variables_of(learner)
            mine, gradients = gradients[: len(variables)], gradients[len(variables) :]
            self.optimizers[learner].apply(mine, variables)

    def _statistics(self, learners):
        """The learners' moving averages: float weights that no gradient moves."""
        variables = [v for name in learners for v in self.learners[name].non_trainable_variables]
        return [v for v in variables if "float" in str(v.dtype)]

    def _end_step(self, losses):
        """Remembers the first step whose loss is not finite, without leaving the device."""
        # `optimizer.iterations` would not do: loss scaling leaves out steps that overflow.
        step, bad = self._steps_and_bad_step()
        finite = functools.reduce(ops.logical_and, map(ops.isfinite, losses))
        is_first = ops.logical_and(bad < 0, ops.logical_not(finite))
        bad.assign(ops.where(is_first, step, bad))
        step.assign_add(1)

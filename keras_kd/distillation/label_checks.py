"""Labels are looked at before they reach a step: in arrays at once, else in the input pipeline."""

import functools
import inspect
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from keras_kd.data.labels import CLASSES, KNOWN_CLASSES, MultiHot, checked, in_words, refuse
from keras_kd.models.ending import symbolic_logits
from keras_kd.models.output import logits_of, symbolic_outputs

ROWS = 2**16  # of arrays at a time: they are looked at in float64


def label_kind(methods, learners):
    """What the labels mean to a model: the kind that all methods share, as the student has it.

    Each method is told what they mean to its own learner, too.

    Args:
        methods: list of `keras_kd.methods.Method`.
        learners: dict of name to the Keras models that learn from images.

    Raises:
        ValueError: methods that do not go together.
    """
    shared = _shared_kind(methods)
    units = {name: symbolic_logits(model).shape[-1] for name, model in learners.items()}
    for method in methods:
        if method.label_kind and method.learner in units:
            method.label_kind = method.label_kind.of(units[method.learner])
    return shared.of(units["student"])


def _shared_kind(methods):
    if any(method.uses_unlabelled for method in methods):
        return _known_kind(methods)
    kinds = {method.label_kind: method.name for method in methods if method.label_kind}
    if len(kinds) > 1:
        one, other = list(kinds.values())[:2]
        raise ValueError(
            "All methods must mean the same by a class: one an example, or each for itself. "
            f"Received: {one} and {other}, which do not. For several classes at once use "
            "BinarySoftTargets and BinaryLabels alone."
        )
    return next(iter(kinds), CLASSES)


def _known_kind(methods):
    """What labels mean where some may be missing, which all must bear that look at them."""
    for method in methods:
        if method.needs_labels and method.label_kind is not KNOWN_CLASSES:
            mine = next(one.name for one in methods if one.uses_unlabelled)
            raise ValueError(
                f"The method {mine!r} takes images without a label, -1, and each other must do "
                f"without, too. Received: {method.name!r}, which needs every label. Leave one of "
                "them out; label_weight stands for a loss on the labels that are known."
            )
    return KNOWN_CLASSES


class LabelChecks:
    """Mixin of a `keras.Model` with `methods`, `label_kind` and `student`.

    Arrays, `tf.data.Dataset`s, `PyDataset`s and generators are looked at; data that are
    distributed over replicas already are not.
    """

    _counts_labels = False  # whether metrics are compiled

    def compile(self, *args, **kwargs):
        metrics = [kwargs.get("metrics"), kwargs.get("weighted_metrics")]
        for metric in keras.tree.flatten(metrics):
            name = metric if isinstance(metric, str) else type(metric).__name__
            # Keras knows a metric as `BinaryAccuracy` and as "binary_accuracy".
            misread = name.replace("_", "").lower() in self.label_kind.misread
            if misread and not _reads_logits(metric, self.label_kind):
                raise ValueError(
                    f"A metric must read logits as these labels mean them. Received: {name!r}, "
                    f"which does not. Give {self.label_kind.metric}, or compute it of the "
                    "probabilities that predict(x) stands for."
                )
        self._counts_labels = any(metrics)
        super().compile(*args, **kwargs)

    @functools.wraps(keras.Model.fit)
    def fit(self, *args, **kwargs):
        given = inspect.signature(keras.Model.fit).bind(self, *args, **kwargs).arguments
        del given["self"]
        taught = any(m.needs_labels and m.label_kind for m in self.methods)
        # Those of a stream of other images may mean nothing to the metrics, and feed nothing else.
        if taught or (self._counts_labels and given.get("y") is not None):
            self._look_at(given)
        if given.get("validation_data") is not None:
            given["validation_data"] = self._looked_at(given["validation_data"])
        with in_words():
            return super().fit(**given)

    @functools.wraps(keras.Model.evaluate)
    def evaluate(self, *args, **kwargs):
        given = inspect.signature(keras.Model.evaluate).bind(self, *args, **kwargs).arguments
        given |= given.pop("kwargs", {})
        del given["self"]
        if not given.get("_use_cached_eval_dataset"):  # looked at by `fit`
            self._look_at(given)
        with in_words():
            return super().evaluate(**given)

    def train_on_batch(self, x, y=None, *args, **kwargs):
        if y is not None and any(m.needs_labels and m.label_kind for m in self.methods):
            self._check(y)
        return super().train_on_batch(x, y, *args, **kwargs)

    def test_on_batch(self, x, y=None, *args, **kwargs):
        if y is not None:
            self._check(y)
        return super().test_on_batch(x, y, *args, **kwargs)

    def _look_at(self, given):
        """Looks at the labels in the arguments of `fit` or `evaluate`."""
        if given.get("y") is not None:
            self._check(given["y"])
        elif "x" in given:
            given["x"] = self._looked_at(given["x"])

    def _check(self, labels):
        if not hasattr(labels, "dtype"):
            labels = np.asarray(labels)
        with tf.device("CPU:0"):
            for start in range(0, len(labels) if len(labels.shape) else 1, ROWS):
                part = labels[start : start + ROWS] if len(labels.shape) else labels
                checked(part, self.label_kind, self._num_classes())

    def _num_classes(self):
        return logits_of(symbolic_outputs(self.student)).shape[-1]

    def _looked_at(self, data):
        """The same data, whose labels are looked at as they come."""
        if isinstance(data, tuple | list):
            if len(data) > 1:
                self._check(data[1])
            return data
        if isinstance(data, tf.data.Dataset):
            return self._mapped(data)
        if isinstance(data, keras.utils.PyDataset):
            return _Looked(data, self._batch)
        if isinstance(data, Iterator) and not isinstance(data, tf.data.Iterator):
            return (self._batch(batch) for batch in data)
        return data

    def _mapped(self, dataset):
        spec = dataset.element_spec
        if not (isinstance(spec, tuple) and len(spec) > 1 and isinstance(spec[1], tf.TensorSpec)):
            return dataset
        kind, num_classes = self.label_kind, self._num_classes()
        if spec[1].shape.rank is not None:  # now: what a graph says of it is long
            refuse(tuple(spec[1].shape), spec[1].dtype.name, kind, num_classes)
        return dataset.map(lambda x, y, *rest: (x, checked(y, kind, num_classes), *rest))

    def _batch(self, batch):
        if isinstance(batch, tuple | list) and len(batch) > 1 and batch[1] is not None:
            self._check(batch[1])
        return batch


class _Looked(keras.utils.PyDataset):
    """A `PyDataset` whose batches go through a function."""

    def __init__(self, data, look):
        super().__init__(data.workers, data.use_multiprocessing, data.max_queue_size)
        self.data, self.look = data, look

    @property
    def num_batches(self):
        return self.data.num_batches

    def __getitem__(self, index):
        return self.look(self.data[index])

    def on_epoch_begin(self):
        self.data.on_epoch_begin()

    def on_epoch_end(self):
        self.data.on_epoch_end()


def _reads_logits(metric, kind):
    """Whether a metric was made for logits: it is told so, or counts classes with one above 0."""
    made = metric.get_config() if isinstance(metric, keras.metrics.Metric) else {}
    thresholds = made.get("threshold", made.get("thresholds"))
    above_zero = thresholds in (0.0, [0.0]) and isinstance(kind, MultiHot)
    return made.get("from_logits") or above_zero

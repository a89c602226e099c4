"""Labels that are no classes are refused, however the data come and the step is compiled."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_kd
from keras_kd.methods import DKD, Method, SoftTargets, TeacherFreeKD

CLASSES, COUNT = 3, 12


def net(channels=4):
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(channels, 3)(images)
    return keras.Model(images, keras.layers.Dense(CLASSES)(keras.layers.Flatten()(x)))


def arrays():
    x = np.random.default_rng(0).uniform(-1, 1, (COUNT, 8, 8, 3)).astype("float32")
    return x, np.arange(COUNT) % CLASSES


class Sequence(keras.utils.PyDataset):
    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x) // 4

    def __getitem__(self, index):
        return tuple(v[4 * index : 4 * index + 4] for v in (self.x, self.y))


def generator(x, y):
    while True:
        for start in range(0, COUNT, 4):
            yield x[start : start + 4], y[start : start + 4]


# How data come: arguments of `fit` and `evaluate`.
KINDS = {
    "arrays": lambda x, y: {"x": x, "y": y, "batch_size": 4},
    "tensors": lambda x, y: {"x": tf.constant(x), "y": tf.constant(y), "batch_size": 4},
    "dataset": lambda x, y: {"x": tf.data.Dataset.from_tensor_slices((x, y)).batch(4)},
    "weighted dataset": lambda x, y: {
        "x": tf.data.Dataset.from_tensor_slices((x, y, np.ones(COUNT, "float32"))).batch(4)
    },
    "dict dataset": lambda x, y: {
        "x": tf.data.Dataset.from_tensor_slices(({"image": x, "id": np.arange(COUNT)}, y)).batch(4)
    },
    "PyDataset": lambda x, y: {"x": Sequence(x, y)},
    "generator": lambda x, y: {"x": generator(x, y)},
}


def steps(data, name):
    return data | ({name: COUNT // 4} if not {"y"} & data.keys() else {})


METHODS = {
    "labels": lambda: (None, 1.0),
    "dkd": lambda: (DKD(), 0.0),
    "teacher_free_kd": lambda: (TeacherFreeKD(), 0.0),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("xla", [False, True])
def test_however_they_come_no_step_is_made_with_wrong_ones(kind, xla):
    x, y = arrays()
    kd = keras_kd.KDModel(net(), net(6), None, 1.0)
    kd.compile(keras.optimizers.SGD(0.1), jit_compile=xla)
    before = kd.student.get_weights()
    wrong = np.where(np.arange(COUNT) < 4, y + 1, y)  # 1 to 3 in the first batch
    with pytest.raises(
        ValueError, match=r"^Labels must be whole numbers from 0 to 2.* to 3\. Give"
    ):
        kd.fit(**steps(KINDS[kind](x, wrong), "steps_per_epoch"), verbose=0)
    for a, b in zip(before, kd.student.get_weights()):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match=r"^Labels must be whole numbers"):
        kd.evaluate(**steps(KINDS[kind](x, wrong), "steps"), verbose=0)
    # As advised: counted from 0.
    logs = kd.fit(**steps(KINDS[kind](x, y), "steps_per_epoch"), verbose=0).history
    assert np.isfinite(logs["loss"]).all()
    kd.evaluate(**steps(KINDS[kind](x, y), "steps"), verbose=0)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("xla", [False, True])
def test_every_method_that_reads_them_is_safe(name, xla):
    """Case r14."""
    x, y = arrays()
    kd = keras_kd.KDModel(net(), net(6), *METHODS[name]())
    kd.compile("sgd", jit_compile=xla)
    for labels in (y + 1, y - 1, y + 0.5, np.eye(4)[y], np.eye(CLASSES)[y] * 2, y.astype(str)):
        with pytest.raises(ValueError, match=r"^Labels must be "):
            kd.fit(x, labels, verbose=0)
    kd.fit(x, np.eye(CLASSES, dtype="float32")[y] * 0.9 + 0.1 / 3, verbose=0)  # smoothed


def test_rows_of_several_classes_name_the_methods_for_them():
    """Case r04."""
    x, _ = arrays()
    rows = (np.random.default_rng(3).uniform(size=(COUNT, CLASSES)) < 0.5).astype("float32")
    kd = keras_kd.KDModel(net(), None, None, label_weight=1.0)
    kd.compile("adam")
    for run in (kd.fit, kd.evaluate):
        with pytest.raises(ValueError, match=r"learn by BinarySoftTargets and BinaryLabels\.$"):
            run(x, rows, verbose=0)
    for run in (kd.train_on_batch, kd.test_on_batch):
        with pytest.raises(ValueError, match="BinaryLabels"):
            run(x, rows)
    kd = keras_kd.KDModel(net(), None, keras_kd.methods.BinaryLabels())
    kd.compile("adam")
    kd.fit(x, rows, verbose=0)
    kd.train_on_batch(x, rows)


@pytest.mark.parametrize("kind", ["arrays", "dataset"])
def test_validation_data_are_looked_at(kind):
    x, y = arrays()
    kd = keras_kd.KDModel(net(), net(6), SoftTargets())
    kd.compile("sgd")
    data = KINDS[kind](x, y + 1)
    given = data["x"] if kind == "dataset" else (data["x"], data["y"])
    with pytest.raises(ValueError, match=r"^Labels must be whole numbers"):
        kd.fit(x, validation_data=given, verbose=0)
    right = KINDS[kind](x, y)
    given = right["x"] if kind == "dataset" else (right["x"], right["y"])
    assert "val_loss" in kd.fit(x, validation_data=given, verbose=0).history


def test_labels_that_nothing_reads_are_left_alone():
    """Those of other images, as of a stream of food for a teacher of pets."""
    x, y = arrays()
    kd = keras_kd.KDModel(net(), net(6), SoftTargets())
    kd.compile("sgd")
    kd.fit(x, y + 100, verbose=0)
    kd.compile("sgd", metrics=["sparse_categorical_accuracy"])
    with pytest.raises(ValueError, match="labels from 100"):  # a metric would count them
        kd.fit(x, y + 100, verbose=0)


def test_a_method_of_ones_own_may_mean_what_it_likes_by_labels():
    class Regression(Method):
        needs_labels, needs_teacher = True, False

        def call(self, batch, student, teacher):
            return keras.ops.square(student["logits"][:, 0] - batch["labels"])

    x, _ = arrays()
    kd = keras_kd.KDModel(net(), None, Regression())
    kd.compile("sgd")
    y = np.linspace(-5, 5, COUNT).astype("float32")
    z = kd.student.predict(x, verbose=0)[:, 0]
    logs = kd.fit(x, y, batch_size=COUNT, verbose=0).history
    assert logs["regression"] == pytest.approx([np.mean((z - y) ** 2)], rel=1e-5)


def test_the_check_is_no_part_of_the_step():
    """A GPU would wait for it at every step, and XLA would leave it out."""
    x, y = arrays()
    kd = keras_kd.KDModel(net(), None, None, 1.0)
    kd.compile("sgd")
    kd.fit(x, y, verbose=0)
    graph = tf.function(kd.train_step).get_concrete_function(
        (tf.TensorSpec((4, 8, 8, 3)), tf.TensorSpec((4,), tf.int64))
    )
    assert not [op for op in graph.graph.get_operations() if op.type == "Assert"]


@pytest.mark.parametrize("metric", ["AUC", "precision", keras.metrics.Recall(), "binary_accuracy"])
def test_metrics_that_take_logits_for_probabilities_are_refused(metric):
    kd = keras_kd.KDModel(net(), None, None, label_weight=1.0)
    with pytest.raises(ValueError, match=r"read logits as these labels mean them.*Give keras_kd\."):
        kd.compile("sgd", metrics=[metric])


def test_what_lies_between_classes_is_told_its_form():
    x, y = arrays()
    kd = keras_kd.KDModel(net(), None, None, label_weight=1.0)
    kd.compile("sgd")
    with pytest.raises(ValueError, match=r"probabilities \[B, 3\]\.$"):
        kd.fit(x, y + 0.5, verbose=0)

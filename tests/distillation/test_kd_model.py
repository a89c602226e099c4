"""KDModel: what is called, what moves, what is logged, what is saved, what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_kd
from keras_kd.methods import Hint, Method, RelationalKD, SoftTargets

CLASSES = 4


class Counter(keras.layers.Layer):
    """Passes its input on and counts how often it ran."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.runs = self.add_weight(shape=(), initializer="zeros", trainable=False, name="runs")

    def call(self, x):
        self.runs.assign_add(1.0)
        return x


def network(channels=4, size=8, classes=CLASSES, regularizer=None, name=None):
    images = keras.Input((size, size, 3))
    x = Counter(name="counter")(images)
    x = keras.layers.Conv2D(channels, 3, kernel_regularizer=regularizer, name="conv")(x)
    x = keras.layers.BatchNormalization(momentum=0.9, name="norm")(x)
    x = keras.layers.ReLU(name="relu")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(images, keras.layers.Dense(classes, name="head")(x), name=name)


def arrays(count=16, size=8):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(count, size, size, 3)).astype("float32")
    return x, rng.integers(0, CLASSES, count)


def dataset(x, y=None, batch=8):
    return tf.data.Dataset.from_tensor_slices(x if y is None else (x, y)).batch(batch)


def fit(kd, data, optimizer="sgd", **kwargs):
    kd.compile(optimizer, metrics=["sparse_categorical_accuracy"], **kwargs)
    history = kd.fit(data, verbose=0).history
    return {name: values[-1] for name, values in history.items()}


def values(model):
    return [w.numpy() for w in model.weights]


def all_methods():
    return [
        SoftTargets(temperature=2.0),
        Hint(["conv"], ["relu"], weight=0.5),
        RelationalKD(student_taps=["pool"], teacher_taps=["pool"], weight=0.1),
    ]


def test_each_model_runs_once_a_step_and_the_student_alone_in_evaluation():
    student, teacher = network(4), network(6)
    kd = keras_kd.KDModel(student, teacher, all_methods(), label_weight=0.5)
    runs = [m.get_layer("counter").runs for m in (student, teacher)]
    fit(kd, dataset(*arrays()))  # two steps
    assert [int(r.numpy()) for r in runs] == [2, 2]
    kd.evaluate(dataset(*arrays()), verbose=0)
    kd.predict(arrays()[0], verbose=0, batch_size=8)
    assert [int(r.numpy()) for r in runs] == [6, 2]


def test_batch_norm_moves_once_a_step_and_not_in_evaluation():
    student, teacher = network(4), network(6)
    kd = keras_kd.KDModel(student, teacher, all_methods())
    x, y = arrays(8)
    conv = student.get_layer("conv")(x).numpy().astype("float64")
    kd.compile(keras.optimizers.SGD(0.0))
    kd.fit(dataset(x, y), verbose=0)
    # One update from 0 with momentum 0.9.
    np.testing.assert_allclose(
        student.get_layer("norm").moving_mean.numpy(), 0.1 * conv.mean((0, 1, 2)), rtol=1e-4
    )
    before = values(student)[3:]
    kd.evaluate(dataset(x, y), verbose=0)
    after = values(student)[3:]
    for a, b in zip(before, after):
        np.testing.assert_array_equal(a, b)


def test_the_teacher_never_changes_and_is_not_in_weights_or_files(tmp_path):
    student, teacher = network(4), network(6, name="the_teacher")
    teacher.get_layer("norm").moving_mean.assign(np.ones(6))
    kd = keras_kd.KDModel(student, teacher, all_methods())
    before = values(teacher)[1:]  # without the run counter
    fit(kd, dataset(*arrays()))
    for a, b in zip(before, values(teacher)[1:]):
        np.testing.assert_array_equal(a, b)
    theirs = {id(w) for w in teacher.weights}
    assert not theirs & {id(w) for w in [*kd.weights, *kd.variables, *kd.optimizer.variables]}
    kd.save_weights(tmp_path / "kd.weights.h5")
    assert b"the_teacher" not in (tmp_path / "kd.weights.h5").read_bytes()


def test_the_loss_is_the_sum_that_was_asked_for():
    x, y = arrays(8)
    regularizer = keras.regularizers.L2(0.3)
    student, teacher = network(4, regularizer=regularizer), network(6)
    kd = keras_kd.KDModel(student, teacher, SoftTargets(temperature=2.0, weight=0.7), 0.4)
    s = student(x, training=True).numpy().astype("float64")
    t = teacher(x, training=False).numpy().astype("float64")
    kernel = student.get_layer("conv").kernel.numpy().astype("float64")
    weight = np.linspace(0.0, 2.0, 8)

    def log_softmax(z):
        return z - np.log(np.exp(z).sum(-1, keepdims=True))

    p, log_p, log_q = np.exp(log_softmax(t / 2)), log_softmax(t / 2), log_softmax(s / 2)
    soft = 4 * (p * (log_p - log_q)).sum(-1)
    labels = -log_softmax(s)[np.arange(8), y]
    expected = (weight * (0.7 * soft + 0.4 * labels)).mean() + 0.3 * (kernel**2).sum()
    data = tf.data.Dataset.from_tensor_slices((x, y, weight.astype("float32"))).batch(8)
    logs = fit(kd, data, keras.optimizers.SGD(0.0))
    assert logs["loss"] == pytest.approx(expected, rel=1e-4)
    assert logs["soft_targets"] == pytest.approx((weight * soft).mean(), rel=1e-3)
    assert logs["labels"] == pytest.approx((weight * labels).mean(), rel=1e-4)
    column = tf.data.Dataset.from_tensor_slices((x, y, weight.astype("float32")[:, None])).batch(8)
    assert float(kd.evaluate(column, return_dict=True, verbose=0)["loss"]) == pytest.approx(
        (weight * -log_softmax(student(x).numpy())[np.arange(8), y]).mean(), rel=1e-4
    )
    assert fit(kd, column, keras.optimizers.SGD(0.0))["loss"] == pytest.approx(logs["loss"])


@pytest.mark.parametrize("taps", [[], ["dense"]])
def test_losses_that_layers_add_count_once(taps):
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    inputs = keras.Input((3,))
    dense = keras.layers.Dense(2, activity_regularizer=keras.regularizers.L2(0.3), name="dense")
    inner = keras.Model(inputs, dense(inputs))
    student = keras.Model(inputs, inner(inputs))
    method = SoftTargets(student_taps=taps, teacher_taps=taps)
    kd = keras_kd.KDModel(student, keras.models.clone_model(student), method)
    logits = student(x).numpy().astype("float64")
    kd.compile(keras.optimizers.SGD(0.0))
    logs = kd.fit(dataset(x), epochs=2, verbose=0).history
    # Keras 3.15 divides activity regularisation by the batch; 3.12 does not.
    student(x)
    expected = float(sum(student.losses))
    penalty = 0.3 * (logits**2).sum()
    assert expected in (pytest.approx(penalty / 8, rel=1e-4), pytest.approx(penalty, rel=1e-4))
    for epoch in (0, 1):
        own = logs["loss"][epoch] - logs["soft_targets"][epoch]
        assert own == pytest.approx(expected, rel=1e-4)


def test_gradients_are_those_of_the_loss():
    """One SGD step of rate 1 on a linear student: closed form of T (q - p) x / N."""
    x = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
    inputs = keras.Input((3,))
    student = keras.Model(inputs, keras.layers.Dense(2, use_bias=False)(inputs))
    teacher = keras.Model(inputs, keras.layers.Dense(2, use_bias=False)(inputs))
    w, v = (m.get_weights()[0].astype("float64") for m in (student, teacher))

    def softmax(z):
        return np.exp(z) / np.exp(z).sum(-1, keepdims=True)

    gap = softmax(x @ w / 3.0) - softmax(x @ v / 3.0)
    kd = keras_kd.KDModel(student, teacher, SoftTargets(temperature=3.0))
    kd.compile(keras.optimizers.SGD(1.0))
    kd.fit(dataset(x, batch=6), verbose=0)
    np.testing.assert_allclose(student.get_weights()[0], w - 3.0 * x.T @ gap / 6, rtol=1e-4)


def test_labels_may_be_missing_whatever_is_compiled():
    kd = keras_kd.KDModel(network(4), network(6), SoftTargets(), fidelity=True)
    x, y = arrays()
    assert fit(kd, dataset(x)).keys() == {"loss", "soft_targets"}
    logs = kd.evaluate(dataset(x), return_dict=True, verbose=0)
    assert logs.keys() == {"kl", "agreement"}
    assert "sparse_categorical_accuracy" in fit(kd, dataset(x, y))


def test_mixed_labels_and_their_cross_entropy():
    x, y = arrays(8)
    mixed = np.full((8, CLASSES), 0.1, "float32")
    mixed[np.arange(8), y] = 1.0 - 0.1 * (CLASSES - 1)
    student = network(4)
    kd = keras_kd.KDModel(student, None, label_weight=1.0)
    logits = student(x, training=True).numpy().astype("float64")
    log_q = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    kd.compile(keras.optimizers.SGD(0.0), metrics=[keras_kd.evaluation.accuracy()])
    logs = kd.fit(dataset(x, mixed), verbose=0).history
    assert logs["loss"][0] == pytest.approx(-(mixed * log_q).sum(-1).mean(), rel=1e-4)
    assert logs["accuracy"][0] == pytest.approx((logits.argmax(-1) == y).mean())


def test_each_model_sees_its_own_view():
    student, teacher = network(4, size=8), network(6, size=12)
    kd = keras_kd.KDModel(student, teacher, SoftTargets(), fidelity=True)
    x, y = arrays()
    big = np.random.default_rng(1).normal(size=(16, 12, 12, 3)).astype("float32")
    data = dataset({"student": x, "teacher": big, "id": np.arange(16)}, y)
    assert np.isfinite(fit(kd, data)["loss"])
    logs = kd.evaluate(data, return_dict=True, verbose=0)
    expected = keras_kd.evaluation.fidelity(student, teacher, data)
    assert float(logs["kl"]) == pytest.approx(expected["kl"], rel=1e-4)
    assert float(logs["agreement"]) == pytest.approx(expected["agreement"])


def test_targets_computed_before_equal_the_live_teacher():
    x, _ = arrays(8)
    teacher = network(6)
    trained = []
    for cached in (False, True):
        keras.utils.set_random_seed(1)
        student = network(4)
        kd = keras_kd.KDModel(student, None if cached else teacher, SoftTargets())
        logits = teacher(x, training=False).numpy()
        data = dataset({"student": x, "teacher_logits": logits} if cached else x)
        kd.compile(keras.optimizers.SGD(0.1))
        kd.fit(data, verbose=0)
        trained.append(student.get_weights())
    for a, b in zip(*trained):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_two_methods_of_a_kind_have_names_of_their_own():
    for _ in range(2):  # names do not drift from model to model
        pair = [Hint(["conv"], ["conv"]), Hint(["relu"], ["relu"])]
        kd = keras_kd.KDModel(network(4), network(6), pair)
        assert [m.name for m in kd.methods] == ["hint", "hint_2"]
        assert fit(kd, dataset(*arrays())).keys() >= {"hint", "hint_2", "loss"}


def test_projectors_are_trained_and_saved_but_do_not_leave(tmp_path):
    student = network(4)
    kd = keras_kd.KDModel(student, network(6), Hint(["conv"], ["conv"]))
    before = [v.numpy() for v in kd.methods[0].trainable_variables]
    fit(kd, dataset(*arrays()))
    after = [v.numpy() for v in kd.methods[0].trainable_variables]
    assert all(np.abs(a - b).max() > 0 for a, b in zip(before, after))
    kd.save_weights(tmp_path / "kd.weights.h5")
    other = keras_kd.KDModel(network(4), network(6), Hint(["conv"], ["conv"]))
    other.load_weights(tmp_path / "kd.weights.h5")
    for a, b in zip(values(kd), values(other)):
        np.testing.assert_array_equal(a, b)
    student.save(tmp_path / "student.keras")
    assert student.count_params() == network(4).count_params()


def test_hooks_run_before_and_after_every_step():
    class Generator(Method):
        def __init__(self):
            super().__init__()
            self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def before_step(self, batch):
            return {**batch, "image": keras.ops.zeros_like(batch["image"])}

        def call(self, batch, student, teacher):
            return keras.ops.max(keras.ops.abs(batch["image"]), axis=(1, 2, 3)) + 0.0 * (
                keras.ops.sum(student["logits"], axis=-1)
            )

        def after_step(self, batch, student, teacher):
            self.seen.assign_add(1.0)

    kd = keras_kd.KDModel(network(4), network(6), Generator())
    logs = fit(kd, dataset(*arrays()))
    assert logs["generator"] == 0.0
    assert float(kd.methods[0].seen.numpy()) == 2.0


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_students_learn_from_float32_teachers(policy):
    teacher = network(6)
    keras.mixed_precision.set_dtype_policy(policy)
    try:
        kd = keras_kd.KDModel(network(4), teacher, all_methods(), label_weight=0.1)
        logs = fit(kd, dataset(*arrays()))
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    wrapped = isinstance(kd.optimizer, keras.optimizers.LossScaleOptimizer)
    assert wrapped == (policy == "mixed_float16")
    assert np.isfinite(list(logs.values())).all()
    assert all(w.dtype == "float32" for w in kd.trainable_variables)


@pytest.mark.parametrize("options", [{"jit_compile": True}, {"steps_per_execution": 2}])
def test_compiled_steps_equal_plain_ones(options):
    trained = []
    for chosen in ({}, options):
        keras.utils.set_random_seed(1)
        kd = keras_kd.KDModel(network(4), network(6), all_methods())
        fit(kd, dataset(*arrays()), keras.optimizers.SGD(0.1), **chosen)
        trained.append(kd.get_weights())
    for a, b in zip(*trained):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_gradient_accumulation_on_one_replica():
    trained = []
    for batch, accumulate in ((16, None), (8, 2)):
        inputs = keras.Input((3,))
        keras.utils.set_random_seed(1)
        student = keras.Model(inputs, keras.layers.Dense(2)(inputs))
        teacher = keras.Model(inputs, keras.layers.Dense(2)(inputs))
        x = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
        kd = keras_kd.KDModel(student, teacher, SoftTargets())
        kd.compile(keras.optimizers.SGD(0.5, gradient_accumulation_steps=accumulate))
        kd.fit(dataset(x, batch=batch), verbose=0)
        trained.append(student.get_weights())
    for a, b in zip(*trained):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_the_first_step_with_a_bad_loss_is_known():
    x, y = arrays(24)
    x[9] = np.nan  # in the second batch of eight
    kd = keras_kd.KDModel(network(4), network(6), SoftTargets())
    fit(kd, dataset(*arrays()))
    assert kd.first_bad_step is None
    kd.compile("sgd")
    kd.fit(dataset(x, y), verbose=0)
    assert kd.first_bad_step == 1


class Careless(Method):
    """Returns what `shape` says instead of one loss per example."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def call(self, batch, student, teacher):
        squares = keras.ops.square(student["logits"] - teacher["logits"])
        return squares if self.shape == "[B, K]" else keras.ops.mean(squares)


@pytest.mark.parametrize("shape", ["[B, K]", "scalar"])
def test_a_method_must_return_one_loss_per_example(shape):
    kd = keras_kd.KDModel(network(), network(6), Careless(shape))
    kd.compile("sgd")
    with pytest.raises(ValueError, match=r"one loss per example.*careless returned shape"):
        kd.fit(dataset(*arrays()), verbose=0)


def test_stored_targets_of_another_width_are_refused():
    kd = keras_kd.KDModel(network(), None, SoftTargets())
    kd.compile("sgd")
    x, _ = arrays()
    with pytest.raises(ValueError, match="teacher_logits must be"):
        kd.fit(dataset({"student": x, "teacher_logits": np.zeros((16, 1), "float32")}), verbose=0)


def test_stored_targets_do_not_go_with_a_method_that_taps_the_teacher():
    kd = keras_kd.KDModel(network(), network(6), all_methods())
    kd.compile("sgd")
    x, _ = arrays()
    logits = np.zeros((16, CLASSES), "float32")
    with pytest.raises(ValueError, match=r"no features\. Received: teacher_taps of hint, rel"):
        kd.fit(dataset({"student": x, "teacher_logits": logits}), verbose=0)


def test_sample_weights_of_another_shape_are_refused():
    kd = keras_kd.KDModel(network(), network(), SoftTargets())
    kd.compile("sgd")
    x, y = arrays()
    data = tf.data.Dataset.from_tensors((x, y, np.ones((16, 2), "float32")))
    with pytest.raises(ValueError, match="one number per example"):
        kd.fit(data, verbose=0)


def test_a_method_object_belongs_to_one_model():
    method = Hint(["conv"], ["conv"])
    keras_kd.KDModel(network(), network(6), method)
    with pytest.raises(ValueError, match="hint, which is in use already"):
        keras_kd.KDModel(network(), network(8), method)


def test_a_hint_works_across_class_counts():
    kd = keras_kd.KDModel(network(4), network(6, classes=9), Hint(["conv"], ["conv"]))
    assert np.isfinite(fit(kd, dataset(*arrays()))["loss"])


def softmax_network(hidden=False):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(inputs)
    if hidden:
        return keras.Model(inputs, keras.ops.softmax(keras.layers.Dense(CLASSES)(x)))
    x = keras.layers.Dense(CLASSES, activation="softmax")(x)
    return keras.Model(inputs, keras.layers.Reshape((CLASSES,))(x))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: keras_kd.KDModel(network(), network(classes=9), SoftTargets()), r"\(None, 9\)"),
        (lambda: keras_kd.KDModel(network(), softmax_network(), SoftTargets()), "in softmax"),
        (lambda: keras_kd.KDModel(network(), softmax_network(True), SoftTargets()), "in softmax"),
        (lambda: keras_kd.KDModel(softmax_network(), network(), SoftTargets()), "student must"),
        (lambda: keras_kd.KDModel(network(), network()), "nothing to learn from"),
        (lambda: keras_kd.KDModel(network(), network(), "soft_targets"), "methods.get"),
        (lambda: keras_kd.KDModel(network(), network(), SoftTargets(), -1.0), "label_weight=-1"),
        (lambda: keras_kd.KDModel(network(), network(), SoftTargets(), None), "label_weight=None"),
        (lambda: keras_kd.KDModel(network(), network(), SoftTargets(), True), "label_weight=True"),
        (lambda: keras_kd.KDModel(network(), network(), Hint(["conw"], ["conv"])), "'conv'"),
        (lambda: keras_kd.KDModel(network(), None, Hint(["conv"], ["conv"])), "teacher=None"),
        (lambda: SoftTargets(weight=float("nan")), "weight=nan"),
        (lambda: keras_kd.KDModel(network(), None, "soft_targets"), r"methods=\['soft_targets'\]"),
    ],
)
def test_mistakes_are_refused_at_once(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_mistakes_in_use(tmp_path):
    kd = keras_kd.KDModel(network(), None, SoftTargets(), label_weight=1.0)
    with pytest.raises(ValueError, match="Leave loss out"):
        kd.compile("sgd", loss="mse")
    ways = (
        lambda: kd.save("x.keras"),
        lambda: kd.export("x"),
        lambda: keras.saving.save_model(kd, tmp_path / "x.keras"),
        lambda: keras.models.clone_model(kd),
        kd.to_json,
    )
    for way in ways:
        with pytest.raises(NotImplementedError, match=r"kd\.student\.save"):
            way()
    kd.compile("sgd")
    x, y = arrays()
    with pytest.raises(ValueError, match="no one to learn from"):
        kd.fit(dataset(x, y), verbose=0)
    kd = keras_kd.KDModel(network(), network(), SoftTargets(), label_weight=1.0)
    kd.compile("sgd")
    with pytest.raises(ValueError, match="needs labels"):
        kd.fit(dataset(x), verbose=0)
    with pytest.raises(ValueError, match="Nothing to evaluate"):
        kd.evaluate(dataset(x), verbose=0)
    with pytest.raises(ValueError, match="'student' or 'image'"):
        kd.evaluate(dataset({"picture": x}, y), verbose=0)

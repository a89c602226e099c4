"""A binary classifier with one logit z is two classes, [0, z], in every place, exactly."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_kd
from keras_kd import evaluation, methods, teachers

COUNT = 24


def net(units, channels=4):
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(channels, 3, name="conv")(images)
    return keras.Model(images, keras.layers.Dense(units)(keras.layers.Flatten(name="flat")(x)))


def widened(model):
    """The same network with [0, z] written out by hand: what a binary user needed before."""
    z = model.output
    pair = keras.layers.Concatenate()([keras.ops.zeros_like(z), z])
    return keras.Model(model.input, pair)


def logit(model, x):
    return model.predict(x, verbose=0).astype("float64")[:, 0]


def bernoulli_kl(t, s):
    p, q = 1 / (1 + np.exp(-t)), 1 / (1 + np.exp(-s))
    return p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (COUNT, 8, 8, 3)).astype("float32"), np.arange(COUNT) % 2


def fit(kd, x, y=None, rate=0.0, **kwargs):
    kd.compile(keras.optimizers.SGD(rate), **kwargs)
    history = kd.fit(x, y, batch_size=COUNT, verbose=0).history
    return {name: values[-1] for name, values in history.items()}


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_soft_targets_are_the_bernoulli_divergence(data, temperature):
    x, _ = data
    t, s = net(1, 8), net(1)
    expected = temperature**2 * bernoulli_kl(logit(t, x) / temperature, logit(s, x) / temperature)
    kd = keras_kd.KDModel(s, t, methods.SoftTargets(temperature))
    assert fit(kd, x)["loss"] == pytest.approx(expected.mean(), rel=1e-4)


LABELS = {
    "int": lambda y: y,
    "uint8": lambda y: y.astype("uint8"),
    "bool": lambda y: y.astype(bool),
    "float": lambda y: y.astype("float32"),
    "int column": lambda y: y[:, None],
    "float column": lambda y: y[:, None].astype("float32"),
    "distribution": lambda y: np.eye(2, dtype="float32")[y],
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_are_binary_cross_entropy_and_are_counted(data, kind):
    x, y = data
    student = net(1)
    z = logit(student, x)
    expected = np.mean(np.logaddexp(0, z) - y * z)
    right = np.mean((z > 0) == y)
    kd = keras_kd.KDModel(student, None, label_weight=1.0)
    names = ["accuracy"] if kind == "distribution" else ["accuracy", "sparse_categorical_accuracy"]
    logs = fit(kd, x, LABELS[kind](y), metrics=names)
    found = kd.evaluate(x, LABELS[kind](y), verbose=0, return_dict=True)
    for got in (logs, found):
        assert got["loss"] == pytest.approx(expected, rel=1e-4)
        assert [got[name] for name in names] == pytest.approx([right] * len(names))


METHODS = {
    "soft_targets": lambda: methods.SoftTargets(2.0),
    "hard_labels": methods.HardLabels,
    "dkd": methods.DKD,
    "dist": methods.DIST,
    "logit_l2": methods.LogitL2,
    "teacher_free_kd": methods.TeacherFreeKD,
    "relational_kd": methods.RelationalKD,
}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("widths", [(1, 1), (1, 2), (2, 1)])
def test_every_method_learns_as_from_the_pair_written_out(data, name, widths):
    """Student and teacher of one logit or two, in any combination."""
    x, y = data
    losses = []
    for by_hand in (False, True):
        keras.utils.set_random_seed(1)
        nets = [net(widths[0]), net(widths[1], 8)]
        first = nets[0].get_weights()
        student, teacher = [widened(n) if by_hand and n.output_shape[-1] == 1 else n for n in nets]
        kd = keras_kd.KDModel(student, teacher, METHODS[name]())
        kd.compile(keras.optimizers.SGD(0.05))
        history = kd.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
        losses.append(history["loss"])
        moved = max(np.abs(a - b).max() for a, b in zip(first, nets[0].get_weights()))
        assert moved > 1e-4
    np.testing.assert_allclose(*losses, rtol=1e-5)


@pytest.mark.parametrize("options", [{"jit_compile": True}, {"steps_per_execution": 2}])
def test_under_xla_and_in_one_execution_it_is_the_same(data, options):
    x, y = data
    ends = []
    for chosen in ({}, options):
        keras.utils.set_random_seed(1)
        kd = keras_kd.KDModel(net(1), net(1, 8), methods.SoftTargets(2.0), 0.5)
        kd.compile(keras.optimizers.SGD(0.1), **chosen)
        kd.fit(x, y, batch_size=6, epochs=2, shuffle=False, verbose=0)
        ends.append(kd.student.get_weights())
    for a, b in zip(*ends):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_the_student_is_called_as_it_is(data):
    x, _ = data
    student = net(1)
    kd = keras_kd.KDModel(student, net(1, 8), methods.SoftTargets())
    kd.compile("sgd")
    np.testing.assert_array_equal(kd.predict(x, verbose=0), student.predict(x, verbose=0))
    assert kd(x).shape == (COUNT, 1)


def test_stored_targets_of_one_logit(data):
    x, _ = data
    t, s = net(1, 8), net(1)
    stored = t.predict(x, verbose=0)
    expected = bernoulli_kl(logit(t, x), logit(s, x)).mean()
    pair = np.concatenate([np.zeros_like(stored), stored], -1)
    for logits in (stored, pair):
        kd = keras_kd.KDModel(s, None, methods.SoftTargets())
        batch = {"student": x, "teacher_logits": logits}
        assert fit(kd, batch)["loss"] == pytest.approx(expected, rel=1e-4)


def test_fidelity_and_scores(data):
    x, y = data
    t, s = net(1, 8), net(1)
    zt, zs = logit(t, x), logit(s, x)
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(7)
    kd = keras_kd.KDModel(s, t, methods.SoftTargets(), fidelity=True)
    kd.compile("sgd")
    inside = kd.evaluate(batches, verbose=0, return_dict=True)
    for found in (inside, evaluation.fidelity(s, t, batches)):
        assert float(found["kl"]) == pytest.approx(bernoulli_kl(zt, zs).mean(), rel=1e-4)
        assert float(found["agreement"]) == pytest.approx(np.mean((zt > 0) == (zs > 0)))
    assert found["student_accuracy"] == pytest.approx(np.mean((zs > 0) == y))
    by_hand = evaluation.fidelity(widened(s), widened(t), batches)
    assert by_hand.keys() == found.keys()
    for name, value in by_hand.items():
        assert value == pytest.approx(found[name]), name
    column = np.stack([zs], -1)
    assert evaluation.expected_calibration_error(y, column) == pytest.approx(
        evaluation.expected_calibration_error(y, np.stack([0 * zs, zs], -1))
    )
    assert np.asarray(evaluation.top1(y, column)).tolist() == ((zs > 0) == y).tolist()
    assert np.asarray(evaluation.kl_divergence(zt[:, None], column)) == pytest.approx(
        bernoulli_kl(zt, zs), rel=1e-3
    )


def test_loaded_teachers_and_ensembles_know_two_classes(data, tmp_path):
    x, _ = data
    one, other, two = net(1, 8), net(1, 6), net(2, 5)
    one.save(tmp_path / "one.keras")
    loaded = teachers.load(str(tmp_path / "one.keras"), num_classes=2, input_shape=(8, 8, 3))
    np.testing.assert_allclose(loaded.predict(x, verbose=0)[:, 1], logit(one, x), atol=1e-6)
    assert loaded.get_layer("conv")  # its taps are where they were
    frozen = teachers.freeze(one, input_shape=(8, 8, 3))
    z = two.predict(x, verbose=0).astype("float64")
    p = [1 / (1 + np.exp(-logit(model, x))) for model in (one, other)]
    p.append(1 / (1 + np.exp(z[:, 0] - z[:, 1])))
    mean = np.mean(p, axis=0)
    ensemble = teachers.Ensemble([one, other, two])
    got = ensemble.predict(x, verbose=0).astype("float64")
    np.testing.assert_allclose(got, np.log(np.stack([1 - mean, mean], -1)), atol=1e-5)
    student = net(1)
    for teacher, share in ((loaded, p[0]), (frozen, p[0]), (ensemble, mean)):
        kd = keras_kd.KDModel(student, teacher, methods.SoftTargets())
        expected = bernoulli_kl(np.log(share / (1 - share)), logit(student, x)).mean()
        assert fit(kd, x)["loss"] == pytest.approx(expected, rel=1e-3)


def test_heads_that_are_tapped_are_two_classes_too(data):
    x, _ = data
    images = keras.Input((8, 8, 3))
    flat = keras.layers.Flatten()(images)
    early = keras.layers.Dense(1, name="early")(flat)
    both = keras.layers.Dense(1)(keras.layers.Concatenate()([flat, early]))
    student, teacher = keras.Model(images, both), net(1, 8)
    names = [layer.name for layer in teacher.layers]
    method = methods.SoftTargets(student_taps=["early"], teacher_taps=[names[-1]])
    expected = bernoulli_kl(logit(teacher, x), logit(keras.Model(images, early), x)).mean()
    assert fit(keras_kd.KDModel(student, teacher, method), x)["loss"] == pytest.approx(
        expected, rel=1e-4
    )


def test_standardised_logits_of_two_classes_are_refused():
    """They are 1 and -1, whatever the student says."""
    with pytest.raises(ValueError, match=r"standardize=True, K=2\. Leave it out"):
        keras_kd.KDModel(net(1), net(1), methods.SoftTargets(standardize=True))
    keras_kd.KDModel(net(1), net(1), methods.SoftTargets())


PRESENT = {kind: make for kind, make in LABELS.items() if kind != "bool"}
PRESENT |= {"bool": lambda y: y.astype(bool), "probability": lambda y: 0.2 + 0.6 * y}


@pytest.mark.parametrize("kind", PRESENT)
@pytest.mark.parametrize("taught", ["label_weight", "BinaryLabels"])
def test_a_class_for_itself_costs_its_binary_cross_entropy_and_no_more(data, kind, taught):
    """Of [0, z] only z is a class: the sigmoid of the other would add log 2 to every example."""
    x, y = data
    student, teacher, labels = net(1), net(1, 8), PRESENT[kind](y)
    z, t = logit(student, x), logit(teacher, x)
    share = 0.2 + 0.6 * y if kind == "probability" else y
    expected = np.mean(np.logaddexp(0, z) - share * z)
    chosen, weight = [methods.BinarySoftTargets()], 1.0
    if taught == "BinaryLabels":
        chosen, weight = [*chosen, methods.BinaryLabels()], 0.0
    kd = keras_kd.KDModel(student, teacher, chosen, weight)
    name = "labels" if weight else "binary_labels"
    logs = fit(kd, x, labels, metrics=[keras_kd.evaluation.binary_accuracy()])
    found = kd.evaluate(x, labels, verbose=0, return_dict=True)
    assert logs[name] == pytest.approx(expected, rel=1e-5)
    assert logs["loss"] == pytest.approx(expected + bernoulli_kl(t, z).mean(), rel=1e-4)
    assert found["loss"] == pytest.approx(expected, rel=1e-5)
    for got in (logs, found):
        assert got["binary_accuracy"] == pytest.approx(np.mean((z > 0) == y))


def test_a_class_for_itself_learns_by_the_gradient_of_its_cross_entropy(data):
    x, y = data
    student = net(1)
    before, kernel = logit(student, x), student.layers[-1]
    features = keras.Model(student.input, kernel.input).predict(x, verbose=0).astype("float64")
    gradient = features.T @ (1 / (1 + np.exp(-before)) - y) / COUNT
    first = kernel.kernel.numpy()[:, 0].astype("float64")
    fit(keras_kd.KDModel(student, None, methods.BinaryLabels()), x, y, rate=1.0)
    np.testing.assert_allclose(first - kernel.kernel.numpy()[:, 0], gradient, atol=2e-6)


def test_two_logits_are_two_classes_for_themselves_beside_a_peer_of_one(data):
    """Each learner by what it gives; labels of two classes say both."""
    x, y = data
    rows = np.stack([1 - y, y], -1).astype("float32")
    student, peer = net(2), net(1, 6)
    z, one = student.predict(x, verbose=0).astype("float64"), logit(peer, x)
    chosen = [methods.BinaryLabels(), methods.BinaryLabels(learner="peer", name="of_the_peer")]
    kd = keras_kd.KDModel(student, None, chosen, learners={"peer": peer})
    logs = fit(kd, x, rows)
    assert logs["binary_labels"] == pytest.approx(
        np.mean((np.logaddexp(0, z) - rows * z).sum(-1)), rel=1e-5
    )
    assert logs["of_the_peer"] == pytest.approx(np.mean(np.logaddexp(0, one) - y * one), rel=1e-5)


@pytest.mark.parametrize(("labels", "said"), [(2, "values from 0 to 2"), (3, "shape")])
def test_labels_of_one_class_that_are_none(data, labels, said):
    x, y = data
    wrong = labels * y if labels == 2 else np.zeros((COUNT, labels))
    with pytest.raises(ValueError, match=said):
        fit(keras_kd.KDModel(net(1), None, methods.BinaryLabels()), x, wrong)

"""Binary soft targets against Bernoulli divergences in float64, and their limits."""

import keras
import numpy as np
import pytest

import keras_kd
from keras_kd.methods import DKD, BinaryLabels, BinarySoftTargets, LogitL2, SoftTargets


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def bernoulli(temperature):
    def reference(student, teacher):
        q, p = (sigmoid(x["logits"] / temperature) for x in (student, teacher))
        each = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
        return temperature**2 * each.sum(-1)

    return reference


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_value_and_gradient(numpy, logits, temperature):
    numpy.check(BinarySoftTargets(temperature), bernoulli(temperature), *logits)


def test_equal_models_cost_nothing_and_extremes_stay_finite(numpy, logits):
    student, _ = logits
    np.testing.assert_allclose(numpy.loss_of(BinarySoftTargets(), student, student), 0, atol=1e-6)
    sure = np.array([[1e4, -1e4]])
    got = numpy.loss_of(BinarySoftTargets(), -sure, sure)
    np.testing.assert_allclose(got, [2e4])


def test_of_one_logit_it_is_soft_targets(numpy, logits):
    student, teacher = (z[:, :1] for z in logits)
    for temperature in (1.0, 3.0):
        a, b = (
            numpy.loss_of(method(temperature), student, teacher)
            for method in (SoftTargets, BinarySoftTargets)
        )
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_a_hot_temperature_compares_logits(numpy, logits):
    """T^2 KL -> sum (t - s)^2 / 8, as a Bernoulli's variance is 1/4."""
    student, teacher = logits
    got = numpy.loss_of(BinarySoftTargets(300.0), student, teacher)
    np.testing.assert_allclose(got, ((teacher - student) ** 2).sum(-1) / 8, rtol=1e-2)


def net(channels=4, classes=5):
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(channels, 3)(images)
    return keras.Model(images, keras.layers.Dense(classes)(keras.layers.Flatten()(x)))


@pytest.fixture
def data():
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, (16, 8, 8, 3)).astype("float32")
    return x, (rng.uniform(size=(16, 5)) < 0.5).astype("float32")


@pytest.mark.parametrize("taught", ["label_weight", "BinaryLabels"])
@pytest.mark.parametrize("xla", [False, True])
def test_several_labels_at_once_train_and_evaluate(data, taught, xla):
    """Case r04."""
    x, y = data
    student, teacher = net(), net(6)
    z, t = (m.predict(x, verbose=0).astype("float64") for m in (student, teacher))
    labels = (np.logaddexp(0, z) - y * z).sum(-1).mean()
    soft = bernoulli(2.0)({"logits": z}, {"logits": t}).mean()
    methods, weight = [BinarySoftTargets(2.0)], 0.5
    if taught == "BinaryLabels":
        methods, weight = [*methods, BinaryLabels(weight=0.5)], 0.0
    kd = keras_kd.KDModel(student, teacher, methods, weight)
    metric = keras_kd.evaluation.binary_accuracy()
    kd.compile(keras.optimizers.SGD(0.0), metrics=[metric], jit_compile=xla)
    logs = kd.fit(x, y, batch_size=16, verbose=0).history
    assert logs["loss"][0] == pytest.approx(soft + 0.5 * labels, rel=1e-4)
    found = kd.evaluate(x, y, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(labels, rel=1e-4)
    assert found["binary_accuracy"] == pytest.approx(np.mean((z > 0) == (y > 0)))
    kd.compile(keras.optimizers.Adam(0.02), jit_compile=xla)
    losses = kd.fit(x, y, batch_size=8, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


def test_labels_alone_need_no_teacher(data):
    x, y = data
    student = net()
    z = student.predict(x, verbose=0).astype("float64")
    kd = keras_kd.KDModel(student, None, BinaryLabels())
    kd.compile(keras.optimizers.SGD(0.0))
    expected = (np.logaddexp(0, z) - y * z).sum(-1).mean()
    assert kd.fit(x, y, verbose=0).history["loss"][0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("other", [SoftTargets, DKD])
def test_methods_of_another_meaning_do_not_stand_beside_it(data, other):
    with pytest.raises(ValueError, match=r"binary_soft_targets and .*, which do not"):
        keras_kd.KDModel(net(), net(6), [BinarySoftTargets(), other()])
    kd = keras_kd.KDModel(net(), net(6), [BinarySoftTargets(), BinaryLabels()])  # as advised
    kd.compile("sgd")
    kd.fit(*data, verbose=0)
    keras_kd.KDModel(net(), net(6), [BinarySoftTargets(), LogitL2()])


@pytest.mark.parametrize(
    ("method", "metric", "advised"),
    [
        (BinarySoftTargets, "accuracy", keras_kd.evaluation.binary_accuracy),
        (BinarySoftTargets, "binary_accuracy", keras_kd.evaluation.binary_accuracy),
        (SoftTargets, "binary_accuracy", keras_kd.evaluation.accuracy),
        (SoftTargets, keras.metrics.BinaryAccuracy(), keras_kd.evaluation.accuracy),
    ],
)
def test_metrics_that_would_read_the_logits_otherwise_are_refused(method, metric, advised):
    kd = keras_kd.KDModel(net(), net(6), method())
    said = rf"which does not\. Give keras_kd\.evaluation\.{advised.__name__}\(\)"
    with pytest.raises(ValueError, match=said):
        kd.compile("sgd", metrics=[metric])
    kd.compile("sgd", metrics=[advised()])


def test_metrics_that_are_told_of_logits_are_taken(data):
    kd = keras_kd.KDModel(net(), net(6), BinarySoftTargets())
    above = keras.metrics.BinaryAccuracy("above", threshold=0.0)
    area = keras.metrics.AUC(from_logits=True, name="area")
    kd.compile("sgd", metrics=[keras_kd.evaluation.binary_accuracy(), above, area])
    found = kd.evaluate(*data, verbose=0, return_dict=True)
    assert found["above"] == pytest.approx(found["binary_accuracy"]) and 0 < found["area"] < 1
    only = keras_kd.KDModel(net(), net(6), SoftTargets())
    with pytest.raises(ValueError, match="which does not"):
        only.compile("sgd", metrics=[above])

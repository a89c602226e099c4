"""Labels: their losses in float64, and what is refused, in memory and in an input pipeline."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.data.labels import CLASSES, KNOWN_CLASSES, MULTI_HOT, checked, in_words

K = 4
HOT = np.eye(K, dtype="float32")[[0, 3, 2]]
BOTH = np.array([[0, 0, 0, 0], [1, 0, 1, 0], [1, 1, 1, 1]], "float32")


@pytest.fixture
def logits():
    return np.random.default_rng(0).normal(size=(3, K)) * 5


def log_softmax(z):
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "float32", "float16"])
@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_classes_are_cross_entropy(logits, dtype, shape):
    labels = np.array([0, 3, 2], dtype).reshape(shape)
    expected = -log_softmax(logits)[range(3), [0, 3, 2]]
    np.testing.assert_allclose(CLASSES.loss(tf.constant(labels), logits), expected, rtol=1e-5)
    np.testing.assert_allclose(CLASSES.loss(tf.constant(HOT), logits), expected, rtol=1e-5)


def test_each_class_for_itself_is_sigmoid_cross_entropy(logits):
    for rows in (BOTH, 0.1 + 0.8 * BOTH):
        p = 1 / (1 + np.exp(-logits))
        expected = -(rows * np.log(p) + (1 - rows) * np.log(1 - p)).sum(-1)
        np.testing.assert_allclose(MULTI_HOT.loss(tf.constant(rows), logits), expected, rtol=1e-4)
    one = MULTI_HOT.loss(tf.constant([0, 3, 2]), logits)
    np.testing.assert_allclose(one, MULTI_HOT.loss(tf.constant(HOT), logits))
    extreme = MULTI_HOT.loss(tf.constant([[1.0, 0.0]]), np.array([[-1e4, 1e4]]))
    np.testing.assert_allclose(extreme, [2e4])


RIGHT = [
    (CLASSES, np.array([0, 1, 3])),
    (CLASSES, np.array([3], "uint8")),
    (CLASSES, np.array([[0.0], [3.0]], "float32")),
    (CLASSES, np.array([True, False])),
    (CLASSES, [0, 1, 2]),
    (CLASSES, HOT),
    (CLASSES, HOT.astype("int64")),
    (CLASSES, (0.9 * HOT + 0.025).astype("float16")),
    (CLASSES, np.zeros((0,), "int64")),
    (MULTI_HOT, BOTH),
    (MULTI_HOT, BOTH.astype("int32")),
    (MULTI_HOT, 0.05 + 0.9 * BOTH),
    (MULTI_HOT, np.array([0, 3])),
]
WRONG = [
    (CLASSES, np.array([1, 2, 4]), r"from 0 to 3, one.*Received: labels from 1 to 4\. Give labels"),
    (CLASSES, np.array([-1, 2]), "labels from -1 to 2"),
    (CLASSES, np.array([2**32 + 1, 0]), "labels from 0 to 4294967297"),
    (CLASSES, np.array([255], "uint8"), "labels from 255 to 255"),
    (CLASSES, np.array([0.5, 1.0]), r"labels from 0\.5 to 1"),
    (CLASSES, np.array([0.0, np.nan]), "labels from nan to nan"),
    (CLASSES, BOTH, r"rows that sum to 0 up to 4.*BinarySoftTargets and BinaryLabels\.$"),
    (CLASSES, HOT - 0.25, "rows that sum to 0 up to 0"),
    (CLASSES, np.array([[1.5, -0.5, 0, 0]]), r"with values from -0\.5"),
    (CLASSES, np.where(HOT, np.nan, HOT), "rows that sum to nan up to nan"),
    (MULTI_HOT, 2 * BOTH, "values from 0 to 2"),
    (MULTI_HOT, -BOTH, "values from -1 to 0"),
    (MULTI_HOT, np.array([4]), "labels from 4 to 4"),
]


def piped(labels, kind):
    """Through an input pipeline, as `fit` sees them."""
    data = tf.data.Dataset.from_tensor_slices(labels).batch(2)
    with in_words():
        return list(data.map(lambda y: checked(y, kind, K)))


@pytest.mark.parametrize(("kind", "labels"), RIGHT)
def test_right_labels_pass_as_they_are(kind, labels):
    np.testing.assert_array_equal(checked(labels, kind, K), labels)
    got = [batch.numpy() for batch in piped(np.asarray(labels), kind)]
    if got:
        np.testing.assert_array_equal(np.concatenate(got), labels)


@pytest.mark.parametrize(("kind", "labels", "message"), WRONG)
def test_wrong_values_are_refused_in_one_sentence(kind, labels, message):
    for look in (lambda: checked(labels, kind, K), lambda: piped(labels, kind)):
        with pytest.raises(ValueError, match=r"^Labels must be") as refusal:
            look()
        said = str(refusal.value)
        assert said.count("Received: ") == 1 and said.endswith(".") and "\n" not in said
    with pytest.raises(ValueError, match=message):
        checked(labels, kind, K)


@pytest.mark.parametrize(
    ("kind", "labels", "message"),
    [
        (
            CLASSES,
            np.zeros((3, 5)),
            r"\[B, 4\]\. Received: labels of shape \(3, 5\)\. Give networks",
        ),
        (CLASSES, np.zeros((3, 2, 2)), r"labels of shape \(3, 2, 2\)"),
        (CLASSES, np.float32(1.0), r"labels of shape \(\)"),
        (CLASSES, np.array(["cat", "dog"]), r"labels of type str.*numpy\.unique\(labels, return_i"),
        (CLASSES, tf.constant(["cat"]), "labels of type string"),
        (CLASSES, np.array([{}, {}]), "labels of type object"),
        (
            MULTI_HOT,
            np.zeros((3, 5)),
            r"labels of shape \(3, 5\).*keras\.ops\.multi_hot\(indices, 4",
        ),
    ],
)
def test_other_shapes_and_types_are_refused_at_once(kind, labels, message):
    with pytest.raises(ValueError, match=f"^Labels must be .*{message}"):
        checked(labels, kind, K)


def test_the_advice_about_names_works():
    names = np.array(["dog", "cat", "dog"])
    found, labels = np.unique(names, return_inverse=True)
    np.testing.assert_array_equal(checked(labels, CLASSES, len(found)), [1, 0, 1])
    rows = keras.ops.multi_hot(np.array([[0, 2], [1, 1]]), K)
    np.testing.assert_array_equal(checked(rows, MULTI_HOT, K), [[1, 0, 1, 0], [0, 1, 0, 0]])


def test_other_errors_stay_what_they_are():
    with pytest.raises(tf.errors.InvalidArgumentError, match="Incompatible"), in_words():
        tf.raw_ops.AddV2(x=tf.ones(2), y=tf.ones(3))


def test_unknown_classes_count_for_nothing(logits):
    labels = np.array([0, -1, 2])
    expected = -log_softmax(logits)[range(3), labels] * [1, 0, 1]
    np.testing.assert_allclose(KNOWN_CLASSES.loss(tf.constant(labels), logits), expected, rtol=1e-5)
    np.testing.assert_array_equal(KNOWN_CLASSES.known(tf.constant(labels), None), [1, 0, 1])
    weighed = KNOWN_CLASSES.known(tf.constant(labels), tf.constant([0.5, 2.0, 2.0]))
    np.testing.assert_array_equal(weighed, [0.5, 0.0, 2.0])
    with tf.GradientTape() as tape:
        z = tf.Variable(logits, dtype=tf.float32)
        loss = tf.reduce_sum(KNOWN_CLASSES.loss(tf.constant(labels), z))
    gradient = tape.gradient(loss, z)
    assert (gradient[1] == 0).numpy().all() and (gradient[0] != 0).numpy().all()
    checked(labels, KNOWN_CLASSES, K)
    np.testing.assert_allclose(KNOWN_CLASSES.loss(HOT, logits), CLASSES.loss(HOT, logits))
    with pytest.raises(ValueError, match="from 0 to 3"):
        checked(labels, CLASSES, K)
    with pytest.raises(ValueError, match="from -1 to 3"):
        checked(labels - 1, KNOWN_CLASSES, K)

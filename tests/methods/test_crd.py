"""CRD against mdistiller's formulas in NumPy; its banks move and are saved; bad input."""

import time

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_kd
from keras_kd.methods import CRD
from keras_kd.methods.crd import contrast, normalizer

N, B, D = 20, 6, 5


def make(**kwargs):
    return CRD(**{"num_examples": N, "negatives": 9, "dimensions": D, **kwargs})


@pytest.fixture
def features(rng):
    return rng.normal(size=(B, 4)), rng.normal(size=(B, 2, 2, 3))


def batch(ids):
    return {"id": tf.constant(ids, tf.int64)}


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def embedded(method, student, teacher):
    pairs = zip(method.embeddings, (student, teacher))
    return [unit(x.reshape(len(x), -1) @ e.kernel.numpy() + e.bias.numpy()) for e, x in pairs]


def mdistiller(weights, v, index, z, temperature=0.07):
    """`ContrastMemory` and `ContrastLoss` of one side, of each example; index[:, 0] its own row."""
    out = np.exp(np.einsum("bkd,bd->bk", weights[index], v) / temperature) / z
    m, noise = index.shape[1] - 1, 1 / len(weights)
    log_d1 = np.log(out[:, 0] / (out[:, 0] + m * noise + 1e-7))
    log_d0 = np.log(m * noise / (out[:, 1:] + m * noise + 1e-7))
    return -(log_d1 + log_d0.sum(1))


def test_it_is_mdistillers_loss_for_the_same_draw(features, numpy, monkeypatch):
    drawn = np.random.default_rng(3).integers(0, N - 1, (B, 9))
    monkeypatch.setattr(keras.random, "randint", lambda *a, **k: tf.constant(drawn, tf.int32))
    ids = np.array([3, 0, 7, 19, 4, 11])
    method = numpy.build(make(), *features)
    index = np.concatenate([ids[:, None], (ids[:, None] + 1 + drawn) % N], 1)
    banks = [w.numpy().astype("float64") for w in (method.student_bank, method.teacher_bank)]

    def reference(s, t):
        v_s, v_t = embedded(method, s["logits"], t["logits"])
        return mdistiller(banks[1], v_s, index, method.z) + mdistiller(
            banks[0], v_t, index, method.z
        )

    numpy.check(method, reference, *features, batch=batch(ids), rtol=1e-3)


def test_negatives_are_all_others_alike_and_never_the_example_itself(features, numpy, monkeypatch):
    seen = []

    def spy(scores, positives, negatives, *args):
        seen.append((positives.numpy(), negatives.numpy()))
        return contrast(scores, positives, negatives, *args)

    monkeypatch.setattr("keras_kd.methods.crd.contrast", spy)
    count, ids = 19_000, np.array([0, 1, 7, 18, 19, 11])
    numpy.loss_of(make(negatives=count), *features, batch=batch(ids))
    for positives, negatives in seen:
        np.testing.assert_array_equal(positives, ids)
        for row, drawn in zip(ids, negatives):
            counts = np.bincount(drawn, minlength=N)
            assert counts[row] == 0 and len(counts) == N
            # Each of the 19 others 1,000 times, with a deviation of 31.
            assert np.abs(np.delete(counts, row) - 1000).max() < 160


@pytest.mark.parametrize(("dimensions", "temperature"), [(128, 0.07), (16, 0.2)])
def test_the_constant_is_what_the_public_code_measures_at_first(dimensions, temperature):
    rng = np.random.default_rng(5)
    width = np.sqrt(3 / dimensions)
    bank = rng.uniform(-width, width, (50_000, dimensions))
    scores = unit(rng.normal(size=(64, dimensions))) @ bank.T
    measured = np.exp(scores / temperature).mean() * len(bank)
    assert normalizer(50_000, dimensions, temperature) == pytest.approx(measured, rel=0.03)


def test_extreme_scores_stay_finite():
    scores = tf.Variable([[1.0, -1.0, 1.0]])
    with tf.GradientTape() as tape:
        loss = contrast(scores, tf.constant([1]), tf.constant([[0, 2]]), 0.005, 3.0)
    assert np.isfinite(loss).all() and np.isfinite(tape.gradient(loss, scores)).all()


def test_rows_move_by_the_momentum_and_stay_of_length_one(features, numpy):
    ids = np.array([3, 0, 7, 19, 4, 11])
    method = numpy.build(make(momentum=0.25), *features)
    before = [w.numpy() for w in (method.student_bank, method.teacher_bank)]
    tensors = [{"logits": tf.constant(x, tf.float32)} for x in features]
    method.after_step(batch(ids), *tensors)
    for bank, old, new in zip(
        (method.student_bank, method.teacher_bank), before, embedded(method, *features)
    ):
        expected = old.copy()
        expected[ids] = unit(0.25 * old[ids] + 0.75 * new)
        np.testing.assert_allclose(bank.numpy(), expected, atol=1e-6)


def test_an_example_that_is_there_twice_keeps_its_last_row(features, numpy):
    method = numpy.build(make(momentum=0.0, first_id=100), *features)
    tensors = [{"logits": tf.constant(x, tf.float32)} for x in features]
    method.after_step(batch([102, 105, 102, 101, 102, 100]), *tensors)
    expected = embedded(method, *features)[0][[5, 3, 4, 1]]
    np.testing.assert_allclose(method.student_bank.numpy()[[0, 1, 2, 5]], expected, atol=1e-6)


def network():
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dense(3)(inputs))


def trained(steps, path=None, **settings):
    keras.utils.set_random_seed(0)
    kd = keras_kd.KDModel(network(), network(), make(), seed=0)
    kd.compile(keras.optimizers.SGD(0.1), **settings)
    rng = np.random.default_rng(0)
    data = [({"image": rng.normal(size=(B, 4)).astype("float32"),
              "id": rng.integers(0, N, B)}, None) for _ in range(4)]  # fmt: skip
    if path:
        kd.load_weights(path)
        kd.go_on_from(steps[0])
    for step in range(*steps):
        kd.train_on_batch(data[step][0])
    return kd


def test_the_banks_are_saved_and_a_run_goes_on_to_the_bit(tmp_path):
    whole, half = trained((0, 4)), trained((0, 2))
    half.save_weights(tmp_path / "half.weights.h5")
    resumed = trained((2, 4), tmp_path / "half.weights.h5")
    assert np.abs(whole.methods[0].student_bank - half.methods[0].student_bank).max() > 0
    for a, b in zip(whole.weights, resumed.weights):
        np.testing.assert_array_equal(a, b, err_msg=a.path)


def test_the_loss_reads_the_banks_before_they_move(monkeypatch):
    transpose, expected = keras.ops.transpose, trained((0, 2), run_eagerly=True)

    def slow(number):
        time.sleep(0.05)
        return number

    def late(bank):
        slept = tf.numpy_function(slow, [tf.random.uniform([])], tf.float32)
        with tf.control_dependencies([slept]):
            return transpose(bank.value.read_value())

    monkeypatch.setattr(keras.ops, "transpose", late)
    for a, b in zip(trained((0, 2), jit_compile=False).weights, expected.weights):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6, err_msg=a.path)


def test_bad_input_is_refused(features, numpy):
    with pytest.raises(ValueError, match=r"how many there are.*num_examples=None"):
        CRD()
    with pytest.raises(ValueError, match=r"CRD needs the index.*batch with \['labels'\]"):
        numpy.loss_of(make(), *features, batch={"labels": tf.zeros(B)})
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"Every id must lie in"):
        numpy.loss_of(make(), *features, batch=batch([0, 1, 2, 3, 4, N]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"Every id must lie in"):
        numpy.loss_of(make(), *features, batch=batch([0, 1, 2, 3, 4, 2**32 + 5]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"Every id must lie in"):
        numpy.loss_of(make(first_id=3), *features, batch=batch([3, 4, 5, 6, 7, 2]))
    with pytest.raises(ValueError, match="one pair of features"):
        make(student_taps=["a", "b"], teacher_taps=["a", "b"]).build({}, {}, {})
    with pytest.raises(ValueError, match="temperature is too low"):
        make(temperature=1e-4)
    for bad in ({"momentum": 1.0}, {"negatives": 0}, {"dimensions": 2.5}, {"first_id": -1}):
        with pytest.raises(ValueError, match=f"{next(iter(bad))} must"):
            make(**bad)


def test_examples_outside_the_bank_are_refused_before_the_first_step():
    method = make(first_id=3)
    method.check_examples(np.arange(3, 3 + N))
    for ids in (np.arange(2, 2 + N), np.arange(4, 4 + N)):
        advice = rf"ids from {ids[0]} to {ids[-1]}\. Give the method first_id={ids[0]}, num_ex"
        with pytest.raises(ValueError, match=advice):
            method.check_examples(ids)

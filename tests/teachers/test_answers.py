"""Teachers that answer in probabilities, in several outputs, or of each class by itself."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd import KDModel, methods
from keras_kd.models.answers import is_binary, is_normalized
from keras_kd.teachers import Ensemble, freeze, load
from keras_kd.teachers.wanted import Asked

L = keras.layers
SHAPE, CLASSES = (8, 8, 3), 4


def images(count=6):
    return np.random.default_rng(0).uniform(-1, 1, (count, *SHAPE)).astype("float32")


def flat(i):
    return L.Flatten()(L.Conv2D(4, 3, name="conv")(i))


def logits(i, classes=CLASSES):
    return L.Dense(classes, name="top")(flat(i))


def pair(i):
    """Features, and the logits made of them."""
    features = flat(i)
    return features, L.Dense(CLASSES, name="top")(features)


def net(end=logits):
    i = keras.Input(SHAPE)
    return keras.Model(i, end(i))


def softmax(z):
    z = np.asarray(z, np.float64)
    return np.exp(z) / np.exp(z).sum(-1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-np.asarray(z, np.float64)))


def own_softmax(x):
    e = keras.ops.exp(x)
    return e / keras.ops.sum(e, axis=-1, keepdims=True)


class Hidden(L.Layer):
    """A head with its softmax inside, which no graph shows."""

    def __init__(self, end=keras.ops.softmax, **kwargs):
        super().__init__(**kwargs)
        self.dense, self.end = L.Dense(CLASSES), end

    def build(self, shape):
        self.dense.build(shape)

    def call(self, x):
        return self.end(self.dense(x))


# Where the graph shows the logits, they are the teacher's to the bit.
SHOWN = {
    "activation": lambda i: L.Dense(CLASSES, activation="softmax")(flat(i)),
    "function of TensorFlow": lambda i: L.Dense(CLASSES, activation=tf.nn.softmax)(flat(i)),
    "layer": lambda i: L.Softmax()(logits(i)),
    "activation layer": lambda i: L.Activation("softmax")(logits(i)),
    "op": lambda i: keras.ops.softmax(logits(i)),
    "Lambda": lambda i: L.Lambda(lambda x: tf.nn.softmax(x))(logits(i)),
    "nested head": lambda i: keras.Sequential([L.Dense(CLASSES), L.Softmax()])(flat(i)),
    "nested twice": lambda i: keras.Sequential([net(lambda j: L.Softmax()(logits(j)))])(i),
    "log_softmax": lambda i: keras.ops.log_softmax(logits(i)),
    "written out": lambda i: own_softmax(logits(i)),
    "hidden in a layer": lambda i: Hidden()(flat(i)),
    "hidden logarithm": lambda i: Hidden(keras.ops.log_softmax)(flat(i)),
}
HIDDEN = ("Lambda", "written out", "hidden in a layer", "hidden logarithm")


@pytest.mark.parametrize("name", SHOWN)
def test_a_softmax_is_taken_back(name):
    model, x = net(SHOWN[name]), images()
    before = np.asarray(model(x), np.float64)
    teacher = load(model, CLASSES, SHAPE)
    p = np.exp(before) if "log" in name else before
    np.testing.assert_allclose(softmax(teacher(x)), p, rtol=1e-4)
    np.testing.assert_array_equal(model(x), before.astype("float32"))  # left as it was
    hidden = name in HIDDEN
    assert is_normalized(teacher) == hidden
    sums = np.log(np.exp(np.asarray(teacher(x), np.float64)).sum(-1))
    assert (np.abs(sums).max() < 1e-5) == hidden  # raw logits sum to something else
    assert teacher.trainable_variables == []


def test_logits_that_lie_between_0_and_1_are_logits():
    model = net()
    model.get_layer("top").kernel.assign(model.get_layer("top").kernel * 1e-4)
    for bias in ([0.2, 0.4, 0.6, 0.8], [0.1, 0.2, 0.3, 0.4]):  # which sum to 1
        model.get_layer("top").bias.assign(bias)
        assert load(model, CLASSES, SHAPE) is model


def tiny(i, **kwargs):
    """Logits near a quarter."""
    return L.Dense(CLASSES, kernel_initializer="zeros", bias_initializer="ones", **kwargs)(
        L.Flatten()(i)
    )


# Behind whatever merges, pools or scales logits are logits, even such as could be probabilities.
MERGED_LOGITS = {
    "Average": lambda i: L.Average()([tiny(i), tiny(i)]),
    "temperature": lambda i: tiny(i) / 4.0,
    "pooled": lambda i: L.GlobalAveragePooling2D()(
        L.Conv2D(4, 3, kernel_initializer="zeros", bias_initializer="ones")(i)
    ),
    "nested": lambda i: L.Rescaling(0.25)(net(tiny)(i)),
    "normalised": lambda i: L.BatchNormalization()(tiny(i)),
    "merge in a nested model": lambda i: net(lambda j: L.Add()([tiny(j), tiny(j)]))(i) * 0.125,
}


@pytest.mark.parametrize("name", MERGED_LOGITS)
def test_merged_logits_are_logits(name):
    model = net(MERGED_LOGITS[name])
    assert load(model, CLASSES, SHAPE) is model


def soft(i):
    return L.Dense(CLASSES, activation="softmax")(L.Flatten()(i))


def each(i, classes=CLASSES):
    return L.Dense(classes, activation="sigmoid")(L.Flatten()(i))


def over_nested_inputs(i):
    a, b = keras.Input((CLASSES,)), keras.Input((CLASSES,))
    return keras.Model([a, b], L.Average()([a, b]))([each(i), each(i)])


# What no sum tells, and no last layer: asked about, never taken for logits.
MERGED = {
    "Average of sigmoids": lambda i: L.Average()([each(i), each(i)]),
    "op's mean of sigmoids": lambda i: keras.ops.mean(keras.ops.stack([each(i), each(i)]), 0),
    "added up": lambda i: (each(i) + each(i)) / 2.0,
    "pooled sigmoid maps": lambda i: L.GlobalAveragePooling2D()(
        L.Conv2D(CLASSES, 3, activation="sigmoid")(i)
    ),
    "class and objectness": lambda i: L.Multiply()([soft(i), each(i, 1)]),
    "per cent": lambda i: L.Rescaling(100.0)(soft(i)),
    "nested": lambda i: net(lambda j: L.Maximum()([each(j), each(j)]))(i),
    "nested merge of what is outside": over_nested_inputs,
    "hidden in a head": lambda i: L.Concatenate()(
        [L.Lambda(lambda x: tf.sigmoid(x))(L.Dense(2)(L.Flatten()(i))) for _ in range(2)]
    ),
    "over pairs": lambda i: L.Reshape((4,))(L.Softmax()(L.Reshape((2, 2))(logits(i)))),
    "log over pairs": lambda i: L.Flatten()(keras.ops.log_softmax(L.Reshape((2, 2))(logits(i)))),
    "own activation": lambda i: L.Dense(CLASSES, activation=lambda x: tf.sigmoid(x))(
        L.Flatten()(i)
    ),
}


@pytest.mark.parametrize("name", MERGED)
def test_merged_probabilities_are_asked_about(name):
    model, x = net(MERGED[name]), images()
    with pytest.raises(Asked, match="cannot be told") as asked:
        load(model, CLASSES, SHAPE)
    assert load(model, CLASSES, SHAPE, activation="linear") is model
    teacher = load(model, CLASSES, SHAPE, activation=asked.value.value)
    if asked.value.value == "sigmoid":
        np.testing.assert_allclose(sigmoid(teacher(x)), model(x), rtol=1e-4)
    if name in ("class and objectness", "per cent"):
        p = np.asarray(model(x), np.float64)
        teacher = load(model, CLASSES, SHAPE, activation="softmax")
        np.testing.assert_allclose(softmax(teacher(x)), p / p.sum(-1, keepdims=True), rtol=1e-4)


@pytest.mark.parametrize(
    "end",
    [
        lambda i: L.Average()([soft(i), soft(i)]),
        lambda i: L.GlobalAveragePooling2D()(L.Conv2D(CLASSES, 3, activation="softmax")(i)),
        lambda i: keras.ops.einsum(
            "bg,bgk->bk", soft(i), keras.ops.stack([soft(i) for _ in range(CLASSES)], 1)
        ),
    ],
)
def test_merged_shares_that_sum_to_1_are_those_of_a_softmax(end):
    model, x = net(end), images()
    teacher = load(model, CLASSES, SHAPE)
    np.testing.assert_allclose(softmax(teacher(x)), model(x), rtol=1e-4)
    assert is_normalized(teacher)


@pytest.mark.parametrize("merge", [L.Concatenate(), lambda heads: keras.ops.concatenate(heads, 1)])
def test_a_sigmoid_of_each_head_is_taken_back(merge):
    """To the logits before it, which a probability of 1 would have lost."""
    heads = [L.Dense(1, kernel_initializer="glorot_normal") for _ in range(CLASSES)]
    raw = net(lambda i: L.Concatenate()([40 * head(L.Flatten()(i)) for head in heads]))
    ends = [keras.ops.sigmoid(one) for one in raw.layers[-1].input]
    model = keras.Model(raw.input, merge(ends))
    teacher = load(model, CLASSES, SHAPE)
    np.testing.assert_array_equal(teacher(images()), raw(images()))
    assert is_binary(teacher)
    with pytest.raises(ValueError, match="Take binary_soft_targets"):
        KDModel(net(), teacher, methods.SoftTargets())


@pytest.mark.parametrize(
    "end",
    [
        lambda i: L.Softmax(axis=0)(logits(i)),
        lambda i: keras.ops.softmax(logits(i), axis=0),
        lambda i: L.Average()([L.Softmax(axis=0)(logits(i)), soft(i)]),
    ],
)
@pytest.mark.parametrize("activation", ["", "sigmoid"])
def test_a_softmax_over_the_images_of_a_batch_is_refused(end, activation):
    with pytest.raises(
        ValueError, match=r"each image by itself.*softmax.*over the images.*axis=-1"
    ):
        load(net(end), CLASSES, SHAPE, activation=activation)


def step(teacher, method, x):
    """The loss of a method and its gradient, on a student that is always the same."""
    keras.utils.set_random_seed(3)
    student = net()
    kd = KDModel(student, teacher, method)
    kd.compile(keras.optimizers.SGD(1.0))
    before = [w.numpy() for w in student.weights]
    loss = kd.train_on_batch(x, np.arange(len(x)) % CLASSES, return_dict=True)["loss"]
    return [float(loss), *(w.numpy() - b for w, b in zip(student.weights, before))]


def of_logits():
    """Every method that can do with a teacher's logits alone, and nobody beside, by name."""
    made = {}
    for name, cls in methods.METHODS.items():
        try:
            method = cls()
        except (ValueError, TypeError):
            continue
        if method.scheme == "offline" and method.sources and not method.teacher_taps:
            made[name] = cls
    return made


@pytest.mark.parametrize("name", of_logits())
def test_every_method_learns_the_same_from_log_probabilities_or_refuses_them(name):
    raw = net()
    hidden = load(net(lambda i: Hidden(name="head")(flat(i))), CLASSES, SHAPE)
    for own, other in zip(raw.get_layer("top").weights, hidden.get_layer("head").weights):
        other.assign(own)
    conv = next(layer for layer in hidden.layers if layer.name == "conv")
    conv.set_weights(raw.get_layer("conv").get_weights())
    x, cls = images(), of_logits()[name]
    if cls().needs_raw_logits or cls.label_kind is methods.BinarySoftTargets.label_kind:
        with pytest.raises(ValueError, match=f"'{cls().name}' needs the logits of its teacher"):
            KDModel(net(), hidden, cls())
        return
    for a, b in zip(step(raw, cls(), x), step(hidden, cls(), x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


REFUSED = {
    "frozen": lambda: freeze(load(net(SHOWN["hidden in a layer"])), SHAPE, engine="graph"),
    "resized": lambda: load(net(SHOWN["written out"]), CLASSES),
    "ensemble": lambda: Ensemble([net(), net()]),
    "ensemble in a model": lambda: net(Ensemble([net(), net()])),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize(
    "method", [methods.BinarySoftTargets, methods.LogitL2, methods.RelationalKD]
)
def test_whoever_gives_log_probabilities_is_refused_by_methods_that_need_logits(name, method):
    with pytest.raises(ValueError, match=r"needs the logits.*log-probabilities.*soft_targets"):
        KDModel(net(), REFUSED[name](), method())
    KDModel(net(), REFUSED[name](), [methods.SoftTargets(), methods.LogitL2(standardize=True)])


BINARY = {
    "activation": lambda i: L.Dense(1, activation="sigmoid")(flat(i)),
    "op": lambda i: keras.ops.sigmoid(L.Dense(1)(flat(i))),
    "hidden": lambda i: L.Lambda(lambda x: 1 / (1 + tf.exp(-x)))(L.Dense(1)(flat(i))),
}


@pytest.mark.parametrize("name", BINARY)
def test_one_sigmoid_is_two_classes(name):
    model, x = net(BINARY[name]), images()
    z = np.log(np.asarray(model(x), np.float64)) - np.log1p(-np.asarray(model(x), np.float64))
    asked = {"activation": "sigmoid"} if name == "hidden" else {}
    if asked:
        with pytest.raises(Asked, match="cannot be told"):
            load(model, 2, SHAPE)
    teacher = load(model, 2, SHAPE, **asked)
    np.testing.assert_allclose(teacher(x)[:, 1:], z, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(teacher(x)[:, 0], np.zeros(len(x)))
    KDModel(net(lambda i: logits(i, 2)), teacher, [methods.SoftTargets(), methods.LogitL2()])
    KDModel(net(lambda i: logits(i, 2)), teacher, methods.BinarySoftTargets())


MULTI = {
    "activation": lambda i: L.Dense(CLASSES, activation="sigmoid")(flat(i)),
    "layer": lambda i: L.Activation("sigmoid")(logits(i)),
    "hidden": lambda i: Hidden(keras.ops.sigmoid)(flat(i)),
}


@pytest.mark.parametrize("name", MULTI)
def test_sigmoids_speak_of_each_class_by_itself(name):
    model, x = net(MULTI[name]), images()
    asked = {"activation": "sigmoid"} if name == "hidden" else {}
    teacher = load(model, CLASSES, SHAPE, **asked)
    np.testing.assert_allclose(sigmoid(teacher(x)), model(x), rtol=1e-4)
    assert is_binary(teacher) and not is_normalized(teacher)
    student = net()
    for method in (methods.SoftTargets, methods.DKD, methods.DIST, methods.HardLabels):
        with pytest.raises(ValueError, match=r"which one of the classes.*Take binary_soft_targets"):
            KDModel(student, teacher, method())
    for source in (teacher, freeze(teacher, SHAPE, engine="graph")):
        kd = KDModel(student, source, methods.BinarySoftTargets())
        kd.compile(keras.optimizers.SGD(0.0))
        p, q = sigmoid(teacher(x)), sigmoid(student(x))
        kl = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
        found = kd.train_on_batch(x, return_dict=True)["loss"]
        assert float(found) == pytest.approx(kl.sum(-1).mean(), rel=1e-3)
    with pytest.raises(ValueError, match=r"mean of probabilities that sum to 1.*sigmoids"):
        Ensemble([teacher, teacher])


def test_a_softmax_of_one_output_is_refused():
    with pytest.raises(ValueError, match="answers the same to every image"):
        load(net(lambda i: L.Dense(1, activation="softmax")(flat(i))), 2, SHAPE)


def test_an_activation_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"one of linear, softmax, .*activation='soft'"):
        load(net(), CLASSES, SHAPE, activation="soft")
    with pytest.raises(ValueError, match=r"activation='linear'.* ends in softmax .*Leave it out"):
        load(net(SHOWN["layer"]), CLASSES, SHAPE, activation="linear")


OUTPUTS = {
    "logits": lambda i: dict(zip(("features", "logits"), pair(i))),
    "the only one": lambda i: {"scores": logits(i)},
    "the right size": lambda i: dict(zip(("features", "scores"), pair(i))),
    "the right size in a list": lambda i: list(pair(i)),
    "in a tuple of one": lambda i: (logits(i),),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_logits_among_several_outputs_are_found(name, tmp_path):
    model, x = net(OUTPUTS[name]), images()
    expected = keras.Model(model.input, model.get_layer("top").output)(x)
    model.save(tmp_path / "model.keras")
    for given in (model, str(tmp_path / "model.keras")):
        teacher = load(given, CLASSES, SHAPE)
        np.testing.assert_array_equal(teacher(x), expected)
        KDModel(net(), teacher, methods.SoftTargets())


def test_a_softmax_among_several_outputs_is_taken_back():
    model = net(lambda i: {"features": flat(i), "scores": L.Softmax()(L.Dense(4)(L.Flatten()(i)))})
    teacher = load(model, CLASSES, SHAPE)
    np.testing.assert_allclose(softmax(teacher(images())), model(images())["scores"], rtol=1e-4)


class Module(tf.Module):
    """A SavedModel that gives several things, or one of them squashed."""

    def __init__(self, answer):
        super().__init__()
        self.kernel = tf.Variable(
            np.random.default_rng(1).normal(size=(3, CLASSES)), dtype="float32"
        )
        self.answer = answer

    @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 3), tf.float32, name="image")])
    def __call__(self, x):
        return self.answer(tf.reduce_mean(x, [1, 2]) @ self.kernel * 20)


def saved(path, answer, signature=False):
    module = Module(answer)
    if signature:
        holder = tf.train.Checkpoint(inner=module)
        serve = tf.function(lambda image: module(image))
        spec = tf.TensorSpec((None, 8, 8, 3), tf.float32, name="image")
        tf.saved_model.save(holder, str(path), signatures=serve.get_concrete_function(spec))
    else:
        tf.saved_model.save(module, str(path))
    return str(path), lambda x: x.mean((1, 2)) @ module.kernel.numpy() * 20


ANSWERS = {
    "softmax": tf.nn.softmax,
    "log_softmax": tf.nn.log_softmax,
    "dict": lambda z: {"features": z[:, :2], "scores": z},
    "logits": lambda z: {"probabilities": tf.nn.softmax(z), "logits": z},
    "list": lambda z: [z[:, :2], z],
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("signature", [False, True])
def test_saved_models(name, signature, tmp_path):
    if signature and name != "dict":
        answer = lambda z: {"scores": ANSWERS[name](z)} if "softmax" in name else ANSWERS[name](z)  # noqa: E731
    else:
        answer = ANSWERS[name]
    if signature and name == "list":
        pytest.skip("a signature gives a dict")
    path, expected = saved(tmp_path / "m", answer, signature)
    teacher, x = load(path, CLASSES, SHAPE, input_range=(-1, 1)), images()
    np.testing.assert_allclose(softmax(teacher(x)), softmax(expected(x)), rtol=1e-3, atol=1e-6)
    raw = "softmax" not in name
    assert is_normalized(teacher) == (not raw)
    if raw:
        np.testing.assert_allclose(teacher(x), expected(x), rtol=1e-4, atol=1e-4)
    teacher.save(tmp_path / "again.keras")
    again = keras.models.load_model(tmp_path / "again.keras")
    np.testing.assert_array_equal(again(x), teacher(x))


def test_a_saved_model_is_asked_about_what_it_does_not_show(tmp_path):
    path, expected = saved(tmp_path / "two", lambda z: {"first": z, "second": -z})
    with pytest.raises(Asked, match=r"'(first|second)' \(1, 4\), .* Pass output='(first|second)'"):
        load(path, CLASSES, SHAPE, input_range=(-1, 1))
    teacher = load(path, CLASSES, SHAPE, input_range=(-1, 1), output="second")
    np.testing.assert_allclose(teacher(images()), -expected(images()), rtol=1e-4, atol=1e-4)
    with pytest.raises(Asked, match=r"output='secnd'\. Did you mean 'second'"):
        load(path, CLASSES, SHAPE, input_range=(-1, 1), output="secnd")
    path, expected = saved(tmp_path / "one", lambda z: tf.sigmoid(z[:, :1]))
    with pytest.raises(Asked, match="activation='sigmoid'"):
        load(path, 2, SHAPE, input_range=(-1, 1))
    teacher = load(path, 2, SHAPE, input_range=(-1, 1), activation="sigmoid")
    np.testing.assert_allclose(teacher(images())[:, 1:], expected(images())[:, :1], rtol=1e-3,
                               atol=1e-3)  # fmt: skip

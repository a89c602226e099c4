"""The frozen teacher against the model it was made of, which runs unfolded through Keras."""

import importlib
import json
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd import KDModel, models
from keras_kd.methods import Hint, SoftTargets
from keras_kd.models.taps import tap_names, tapped
from keras_kd.teachers import Ensemble, load
from keras_kd.teachers.frozen import engines, freeze, trial
from keras_kd.teachers.frozen.fold import flatten, fold

NETWORKS = {
    "resnet": lambda: models.resnet(8, 0.5, 5, (8, 8, 1)),
    "bit": lambda: models.bit_resnet((1, 1), 0.25, 5, (32, 32, 3)),
    "bit_batch": lambda: models.bit_resnet((1, 1), 0.25, 5, (16, 16, 3), norm="batch"),
    "resnet50": lambda: models.resnet50(5, (32, 32, 3)),
    "mobilenet": lambda: models.mobilenet_v3_small(5, (32, 32, 3), 0.35),
    "efficientnet": lambda: models.efficientnet_lite(0, 5, (32, 32, 3)),
}
FOLDED = {
    "resnet": 7,
    "bit": 0,
    "bit_batch": 4,
    "resnet50": 53,
    "mobilenet": 34,
    "efficientnet": 49,
}


def randomized(model):
    """Statistics, scales and shifts that are not those of a fresh network."""
    rng = np.random.default_rng(0)
    for variable in model.weights:
        name, shape = variable.name, variable.shape
        if "variance" in name or "gamma" in name:
            variable.assign(rng.uniform(0.5, 1.5, shape))
        elif "mean" in name or "beta" in name or "bias" in name:
            variable.assign(rng.normal(size=shape) * 0.3)
        elif not np.any(variable.numpy()):  # heads that start at zero
            variable.assign(rng.normal(size=shape) * 0.1)
    model.trainable = False
    return model


def pictures(model, count=3):
    rng = np.random.default_rng(1)
    return rng.uniform(-1, 1, (count, *model.input_shape[1:])).astype("float32")


def assert_close(outputs, reference):
    """To 1e-4, or that share of the largest value where it is above 1."""
    gap = np.abs(np.asarray(outputs) - np.asarray(reference))
    assert gap.max() / max(1, np.abs(reference).max()) < 1e-4
    assert np.ptp(reference) > 1e-2  # constants would agree with anything


@pytest.fixture
def small():
    return randomized(NETWORKS["resnet"]())


@pytest.mark.parametrize("name", NETWORKS)
def test_folded_networks_give_the_same_logits(name):
    model = randomized(NETWORKS[name]())
    teacher, x = freeze(model, engine="graph", batch_size=2), pictures(model)
    assert_close(teacher(x), model(x, training=False))
    assert teacher.facts["folded"]["batch_norm"] == FOLDED[name]
    assert teacher.facts["weights"] == ("variables" if name == "resnet50" else "constants")


@pytest.mark.parametrize("name", ["resnet", "bit", "bit_batch"])
def test_every_tap_keeps_its_values(name):
    model = randomized(NETWORKS[name]())
    taps, x = tap_names(model), pictures(model)
    outputs = freeze(model, taps=taps, engine="graph")(x)
    reference = tapped(model, taps)(x, training=False)
    assert set(outputs) == {*taps, "logits"}
    for tap in reference:
        expected = np.asarray(reference[tap], "float64")
        np.testing.assert_allclose(outputs[tap], expected, atol=1e-5 * np.abs(expected).max())


def test_a_tapped_convolution_is_not_folded(small):
    assert fold(flatten(small)).counts["batch_norm"] == 7
    assert fold(flatten(small, ["stage1_block1_1_conv"])).counts["batch_norm"] == 6


@pytest.mark.parametrize("engine", ["xla", "litert"])
def test_engines_take_any_batch_size(small, engine):
    teacher = freeze(small, engine=engine, batch_size=4, taps=["stage2"])
    for count in (4, 1, 3, 5, 4):
        x = pictures(small, count)
        reference = tapped(small, ["stage2"])(x, training=False)
        outputs = teacher(x)
        traced = tf.function(teacher)(x)
        for name in reference:
            assert_close(outputs[name], reference[name])
            assert_close(traced[name], reference[name])


def test_litert_teaches_a_student_that_xla_compiles(small):
    x, trained = pictures(small, 4), []
    for teacher in (small, freeze(small, engine="litert", batch_size=4)):
        keras.utils.set_random_seed(1)
        layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(5)]
        kd = KDModel(keras.Sequential(layers), teacher, SoftTargets())
        kd.compile(keras.optimizers.SGD(0.1), jit_compile=True)
        kd.fit(x, batch_size=4, verbose=0)
        trained.append(kd.get_weights())
    for a, b in zip(*trained, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_ensembles_and_converted_ranges(small):
    other = randomized(NETWORKS["resnet"]())
    other.get_layer("logits").bias.assign(np.arange(5.0))
    both = load(Ensemble([small, other]), 5, input_range=(0, 1))
    teacher, x = freeze(both, engine="graph"), pictures(both)
    assert_close(teacher(x), both(x, training=False))
    assert teacher.facts["folded"]["batch_norm"] == 14


def test_padding_grouped_depthwise_and_dense():
    image = keras.Input((9, 8, 4))
    x = keras.layers.ZeroPadding2D(((1, 1), (2, 0)))(image)
    x = keras.layers.Conv2D(6, 3, strides=2, groups=2)(x)
    x = keras.layers.BatchNormalization(scale=False)(x)
    x = keras.layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same")(x)
    x = keras.layers.BatchNormalization(center=False)(x)
    x = keras.layers.Dense(7, activation="relu")(x)
    x = keras.layers.BatchNormalization()(x)  # behind a ReLU: stays
    x = keras.layers.Dense(5)(keras.layers.Flatten()(x))
    x = keras.layers.BatchNormalization()(x)
    model = randomized(keras.Model(image, x))
    teacher, x = freeze(model, engine="graph"), pictures(model)
    assert_close(teacher(x), model(x, training=False))
    facts = teacher.facts
    assert facts["folded"]["batch_norm"] == 3 and facts["folded"]["padding"] == 1
    assert any("1 batch norms stand behind no convolution" in note for note in facts["notes"])


def test_layers_called_by_keyword():
    image = keras.Input((5, 5, 2))
    x = keras.layers.ZeroPadding2D(1)(inputs=image)
    x = keras.layers.Conv2D(4, 3)(inputs=x)
    x = keras.layers.BatchNormalization()(inputs=x)
    x = keras.layers.Activation("relu")(inputs=x)
    model = randomized(keras.Model(image, keras.layers.GlobalAveragePooling2D()(x)))
    teacher, x = freeze(model, engine="graph"), pictures(model)
    assert_close(teacher(x), model(x, training=False))
    assert teacher.facts["folded"]["batch_norm"] == teacher.facts["folded"]["padding"] == 1


def test_what_others_read_is_not_folded():
    image = keras.Input((4, 4, 2))
    conv = keras.layers.Conv2D(3, 1)(image)
    norm = keras.layers.BatchNormalization()(conv)
    x = keras.layers.Add()([conv, norm])
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))
    randomized(model)
    teacher, x = freeze(model, engine="graph"), pictures(model)
    assert_close(teacher(x), model(x, training=False))
    assert teacher.facts["folded"]["batch_norm"] == 0


def test_saved_model_says_that_nothing_is_folded(small, tmp_path):
    small.export(str(tmp_path / "module"), verbose=False)
    module = load(str(tmp_path / "module"), 5, (8, 8, 1), input_range=(-1, 1))
    teacher = freeze(module, engine="graph")
    x = pictures(small)
    assert_close(teacher(x), small(x, training=False))
    assert any("nothing is folded" in note for note in teacher.facts["notes"])


def test_subclassed_model_runs_as_it_is(small):
    class Wrapped(keras.Model):
        def call(self, x, training=False):
            return small(x, training=training)

    model = Wrapped()
    x = pictures(small)
    model(x)
    model.input_shape, model.output_shape = small.input_shape, small.output_shape
    teacher = freeze(model, engine="graph")
    assert_close(teacher(x), small(x, training=False))
    assert any("no functional graph" in note for note in teacher.facts["notes"])


def test_it_is_frozen(small):
    teacher, x = freeze(small, engine="graph"), pictures(small)
    before = teacher(x).numpy()
    with tf.GradientTape() as tape:
        images = tf.constant(x)
        tape.watch(images)
        total = tf.reduce_sum(teacher(images))
    assert tape.gradient(total, [images, *[v.value for v in small.weights]]) == [None] * (
        1 + len(small.weights)
    )
    for variable in small.weights:
        variable.assign(variable * 2)
    np.testing.assert_array_equal(teacher(x), before)
    assert teacher.count_params() == small.count_params()
    assert teacher.output_shape == small.output_shape


@pytest.mark.parametrize("limit", [0, 2**20])
@pytest.mark.parametrize("engine", ["graph", "xla", "litert"])
def test_later_changes_of_the_teacher_do_not_reach_it(monkeypatch, engine, limit):
    monkeypatch.setattr(importlib.import_module(freeze.__module__), "MAX_CONSTANT_BYTES", limit)
    image = keras.Input((4, 4, 2))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(3, 1)(image))
    x = keras.layers.LayerNormalization()(keras.layers.Activation("relu")(x))  # not folded
    model = keras.Model(image, keras.layers.Dense(5)(keras.layers.GlobalAveragePooling2D()(x)))
    randomized(model)
    teacher = freeze(model, engine=engine, batch_size=2)
    assert teacher.facts["weights"] == ("constants" if limit else "variables")
    x = pictures(model, 2)
    before = model(x, training=False)
    for variable in model.weights:
        variable.assign(variable * 2)
    for images in (x, x[:1]):  # the second is traced only now
        assert_close(teacher(images), before[: len(images)])


def test_folding_leaves_float32_only(small):
    network = fold(flatten(small))
    fused = [call.operation for call in network.calls if hasattr(call.operation, "hold")]
    size = network.nbytes
    assert {a.dtype for one in fused for a in one._held.values()} == {np.dtype("float32")}
    network.hold_weights(as_constants=False)
    assert not any(isinstance(a, np.ndarray) for one in fused for a in vars(one).values())
    assert all(isinstance(a, tf.Variable) for one in fused for a in one._held.values())
    assert network.nbytes == size


def test_one_teacher_serves_all_methods(small, monkeypatch):
    folds = []
    module = importlib.import_module(freeze.__module__)
    monkeypatch.setattr(module, "fold", lambda network: folds.append(network) or fold(network))
    hints = [Hint(student_taps=["stage1"], teacher_taps=[tap]) for tap in ("stage1", "stage2")]
    teacher = freeze(small, engine="graph", taps=["stage2"])
    assert teacher.with_taps(["stage2"]) is teacher.with_taps([]) is teacher
    KDModel(models.resnet(8, 0.5, 5, (8, 8, 1)), teacher, hints)
    assert len(folds) == 2  # as it came, and with the taps of both


def test_kd_model_takes_it_with_taps_and_learns_the_same(small):
    x, trained = pictures(small, 8), []
    for teacher in (small, freeze(small, engine="graph")):
        keras.utils.set_random_seed(1)
        student = models.resnet(8, 0.5, 5, (8, 8, 1))
        methods = [SoftTargets(), Hint(student_taps=["stage1"], teacher_taps=["stage2"])]
        kd = KDModel(student, teacher, methods, fidelity=True)
        kd.compile(keras.optimizers.SGD(0.1))
        kd.fit(tf.data.Dataset.from_tensor_slices(x).batch(4).repeat(2), verbose=0)
        assert kd.evaluate(tf.data.Dataset.from_tensor_slices(x).batch(3), verbose=0) is not None
        trained.append(kd.get_weights())
    assert len(trained[0]) == len(trained[1])
    for a, b in zip(*trained):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_auto_records_its_choice_and_follows_it(small, tmp_path, caplog, logged):
    record = tmp_path / "teacher_engine.json"
    first = freeze(small, batch_size=4, record=record)
    facts = json.loads(record.read_text())
    assert set(facts["images_per_second"]) == {"graph", "xla", "litert"}
    assert max(facts["images_per_second"], key=facts["images_per_second"].get) == first.engine
    assert max(facts["difference"].values()) < 1e-4
    assert any(line.endswith(f"-> {first.engine}") for line in logged())
    caplog.clear()
    record.write_text(json.dumps({**facts, "engine": "xla"}))
    again = freeze(small, batch_size=4, record=record)
    assert again.engine == "xla"
    assert logged() == ["teacher engine: xla, as teacher_engine.json says"]
    record.write_text("{")
    with pytest.warns(UserWarning, match="damaged"):
        freeze(small, batch_size=4, record=record, deterministic=True)
    assert json.loads(record.read_text())["engine"] == "graph"


def test_a_record_holds_for_its_teacher_only(small, tmp_path):
    record = tmp_path / "teacher_engine.json"
    freeze(small, engine="graph", record=record)
    own = json.loads(record.read_text())
    own["notes"] = ["the first"]  # what is followed keeps its facts

    def notes(model, **kwargs):
        record.write_text(json.dumps(own))
        return freeze(model, **{"engine": "graph", "record": record, **kwargs}).facts["notes"]

    assert notes(randomized(NETWORKS["resnet"]())) == ["the first"]  # other names and weights
    assert notes(small, batch_size=3) == notes(small, taps=["stage1"]) == []
    wider = randomized(models.resnet(8, 1.0, 5, (8, 8, 1)))
    assert notes(wider) == []
    assert json.loads(record.read_text())["teacher"]["parameters"] == wider.count_params()


def test_a_record_stays_where_its_engine_cannot_run(small, tmp_path, monkeypatch):
    record = tmp_path / "teacher_engine.json"
    freeze(small, batch_size=2, record=record)
    text = json.dumps({**json.loads(record.read_text()), "engine": "litert"})
    record.write_text(text)
    with pytest.warns(UserWarning, match="says litert, which cannot run here"):
        assert freeze(small, batch_size=2, record=record, deterministic=True).engine == "graph"
    wrong = lambda *args: lambda images: {"logits": tf.zeros([len(images), 5])}  # noqa: E731
    monkeypatch.setattr(engines, "as_litert", wrong)
    with pytest.warns(UserWarning, match="says litert, which cannot run here"):
        assert freeze(small, batch_size=2, record=record).engine in ("graph", "xla")
    assert record.read_text() == text


def test_a_mistake_in_folding_leaves_the_model_as_it_is(small, monkeypatch):
    def broken(network):
        raise IndexError("tuple index out of range")

    monkeypatch.setattr(importlib.import_module(freeze.__module__), "fold", broken)
    with pytest.warns(UserWarning, match="does not build: tuple index"):
        teacher = freeze(small, batch_size=2)
    x = pictures(small, 2)
    assert teacher.engine == "keras"
    assert_close(teacher(x), small(x, training=False))


def test_litert_is_tried_where_it_may_win(monkeypatch):
    tried = lambda name: engines.litert_may_win(flatten(NETWORKS[name]()))  # noqa: E731
    assert tried("resnet") and not tried("resnet50")  # 94 MB without depthwise convolutions
    monkeypatch.setattr(engines, "SMALL_BYTES", 0)
    assert tried("mobilenet") and not tried("resnet")


@pytest.mark.parametrize("winner", ["graph", "litert"])
def test_what_the_winner_does_not_read_is_let_go(small, monkeypatch, winner):
    watched = {"litert": [], "folded": []}

    def watch(name, make):
        def made(*args):
            result = make(*args)
            watched[name].append(weakref.ref(result))
            return result

        return made

    module = importlib.import_module(freeze.__module__)
    monkeypatch.setattr(module, "fold", watch("folded", fold))
    monkeypatch.setattr(engines, "LiteRT", watch("litert", engines.LiteRT))
    monkeypatch.setattr(trial, "measure", lambda built, _: {n: n == winner for n in built})
    teacher = freeze(small, batch_size=2)
    assert teacher.engine == winner
    alive = {name: [one() is not None for one in ones] for name, ones in watched.items()}
    assert alive == {"litert": [winner == "litert"], "folded": [winner == "graph"]}
    x = pictures(small, 3)
    assert_close(teacher(x), small(x, training=False))


def test_what_fails_or_differs_is_refused_and_noted(small, monkeypatch):
    def broken(*args):
        raise RuntimeError("no such kernel")

    wrong = lambda *args: lambda images: {"logits": tf.zeros([len(images), 5])}  # noqa: E731
    monkeypatch.setattr(engines, "as_litert", broken)
    monkeypatch.setattr(engines, "as_xla", wrong)
    with pytest.warns(UserWarning, match=r"litert does not build|xla refused"):
        teacher = freeze(small, batch_size=2)
    assert teacher.engine in ("graph", "keras")
    assert "litert does not build: no such kernel" in teacher.facts["notes"]
    assert any("xla refused" in note for note in teacher.facts["notes"])
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="engine xla fails"):
        freeze(small, engine="xla")


def test_a_slow_engine_is_timed_once():
    calls = {"slow": 0, "fast": 0}

    def engine(name, seconds):
        def run(images):
            calls[name] += 1
            tf.py_function(lambda: __import__("time").sleep(seconds), [], [])
            return {"logits": tf.zeros([2, 1])}

        return run

    speeds = trial.measure({"slow": engine("slow", 0.3), "fast": engine("fast", 0.01)}, [0, 0])
    assert calls == {"slow": 1, "fast": trial.ROUNDS}
    assert speeds["fast"] > 3 * speeds["slow"]


def test_half_precision_teachers():
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        model = randomized(NETWORKS["resnet"]())
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    teacher, x = freeze(model, engine="graph"), pictures(model)
    assert teacher(x).dtype == tf.float32
    np.testing.assert_allclose(teacher(x), model(x, training=False), atol=0.1)
    with pytest.raises(ValueError, match="computes in 16 bits"):
        freeze(model, engine="litert")


def test_refusals(small):
    with pytest.raises(ValueError, match=r"engine='grahp'. Did you mean 'graph'"):
        freeze(small, engine="grahp")
    with pytest.raises(ValueError, match="Received: tap='stage9'"):
        freeze(small, taps=["stage9"])
    with pytest.raises(ValueError, match="batch_size=0"):
        freeze(small, batch_size=0)
    with pytest.raises(ValueError, match="size of the images"):
        freeze(models.bit_resnet((1,), 0.25, 5, (None, None, 3)))

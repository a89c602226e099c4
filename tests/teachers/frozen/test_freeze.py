"""The frozen teacher against the model it was made of, which runs unfolded through Keras."""

import importlib
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from frozen_networks import NETWORKS, assert_close, pictures, randomized

from keras_kd import KDModel, models
from keras_kd.methods import Hint, SoftTargets
from keras_kd.teachers import Ensemble, load
from keras_kd.teachers.frozen import engines, freeze
from keras_kd.teachers.frozen.fold import fold


def test_ensembles_and_converted_ranges(small):
    other = randomized(NETWORKS["resnet"]())
    other.get_layer("logits").bias.assign(np.arange(5.0))
    both = load(Ensemble([small, other]), 5, input_range=(0, 1))
    teacher, x = freeze(both, engine="graph"), pictures(both)
    assert_close(teacher(x), both(x, training=False))
    assert teacher.facts["folded"]["batch_norm"] == 14


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

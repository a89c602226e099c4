"""ONNX files as teachers: as the network they were made of, live and in a run."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from onnx import helper
from onnx_files import logits_of, write
from teacher_models import images

from keras_kd import KDModel
from keras_kd.methods import SoftTargets
from keras_kd.models import resnet
from keras_kd.models.flops import flops
from keras_kd.teachers import freeze, load
from keras_kd.teachers.cache.fingerprint import of_teacher
from keras_kd.teachers.wanted import Asked

MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def normalized(x):
    return ((x.astype("float64") + 1) / 2 - MEAN) / DEVIATION


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "teacher.onnx")


def test_a_teacher_of_pytorchs_kind(file):
    for handle in (f"onnx:{file}", file):
        teacher = load(handle, 4, (8, 8, 3), normalization="imagenet")
        np.testing.assert_allclose(teacher(images()), logits_of(normalized(images())), atol=1e-5)
    assert teacher.output_shape == (None, 4) and not teacher.weights and flops(teacher) is None
    teacher = load(file, 4, (8, 8, 3), input_range=(0, 255))
    np.testing.assert_allclose(teacher(images()), logits_of((images() + 1) * 127.5), rtol=1e-4)


def test_what_the_file_does_not_say_is_asked(file, tmp_path):
    with pytest.raises(
        Asked, match=r"values .* must be told.*Give normalization='imagenet'"
    ) as told:
        load(file, 4, (8, 8, 3))
    assert (told.value.argument, told.value.value) == ("normalization", "imagenet")
    with pytest.raises(ValueError, match="leaves the size of its images open"):
        load(file, 4, normalization="imagenet")
    unclear = write(tmp_path / "b.onnx", ("N", "A", "B", "C"))
    with pytest.raises(Asked, match=r"cannot be told .*Give layout='nchw'") as told:
        load(unclear, 4, (8, 8, 3), normalization="imagenet")
    assert (told.value.argument, told.value.value) == ("layout", "nchw")
    teacher = load(unclear, 4, (8, 8, 3), normalization="imagenet", layout="nchw")
    np.testing.assert_allclose(teacher(images()), logits_of(normalized(images())), atol=1e-5)


def test_what_does_not_fit_is_refused(tmp_path):
    fixed = write(tmp_path / "a.onnx", (1, 3, 8, 8))
    assert load(fixed, normalization="imagenet").input_shape == (None, 8, 8, 3)
    with pytest.raises(ValueError, match=r"8x8 pixels.*\(16, 16, 3\)"):
        load(fixed, 4, (16, 16, 3), normalization="imagenet")
    with pytest.raises(ValueError, match=r"images of 1 channels.*\[1, 3, 8, 8\]"):
        load(fixed, 4, (8, 8, 1), input_range=(0, 1))
    with pytest.raises(ValueError, match="7 in all"):
        load(fixed, 7, (8, 8, 3), normalization="imagenet")
    with pytest.raises(ValueError, match=r"which is not\. Check the path"):
        load(f"onnx:{tmp_path}/none.onnx", 4, (8, 8, 3), normalization="imagenet")
    two = write(tmp_path / "b.onnx", inputs=[("mask", ("N", 1))])
    with pytest.raises(ValueError, match=r"2 inputs: image \[any, 3, any, any\], mask \[any, 1\]"):
        load(two, 4, (8, 8, 3), normalization="imagenet")


def test_the_logits_among_several_outputs(tmp_path):
    path = write(tmp_path / "a.onnx", outputs=[("mean", ("N", 3))])
    teacher = load(path, 4, (8, 8, 3), normalization="imagenet")
    np.testing.assert_allclose(teacher(images()), logits_of(normalized(images())), atol=1e-5)
    other = helper.make_node("Neg", ["logits"], ["other"])
    path = write(tmp_path / "b.onnx", nodes=[other], outputs=[("other", ("N", 4))])
    teacher = load(path, 4, (8, 8, 3), normalization="imagenet", output="other")
    np.testing.assert_allclose(teacher(images()), -logits_of(normalized(images())), atol=1e-5)


def test_a_softmax_at_its_end_is_taken_back(tmp_path):
    """The logarithm of its probabilities: the logits, but for a number an image."""
    node = helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1)
    path = write(tmp_path / "a.onnx", nodes=[node], outputs=[("probabilities", ("N", 4))])
    teacher = load(path, 4, (8, 8, 3), normalization="imagenet", output="probabilities")
    logits = logits_of(normalized(images()))
    expected = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    np.testing.assert_allclose(teacher(images()), expected, atol=1e-4)


def test_it_is_frozen_in_a_graph_and_nothing_else(file):
    teacher = load(file, 4, (8, 8, 3), normalization="imagenet")
    for engine in ("auto", "graph", "keras"):
        frozen = freeze(teacher, engine=engine, batch_size=2)
        assert frozen.engine == ("graph" if engine == "auto" else engine)
        np.testing.assert_allclose(frozen(images()), teacher(images()), atol=1e-6)
    for engine in ("xla", "litert"):
        with pytest.raises(ValueError, match=f"{engine} cannot run here: a runtime of its own"):
            freeze(teacher, engine=engine)


def test_a_batch_of_known_size_has_answers_of_known_size(file):
    """As of other teachers: what compares them with a student's logits relies on it."""
    teacher = freeze(load(file, 4, (8, 8, 3), normalization="imagenet"), engine="graph")
    graph = tf.function(teacher)
    found = graph.get_concrete_function(tf.TensorSpec((6, 8, 8, 3))).output_shapes
    assert found == tf.TensorShape((6, 4))


def test_a_fingerprint_is_of_the_content(file, tmp_path):
    def found(path, **said):
        return of_teacher(load(str(path), 4, (8, 8, 3), **{"input_range": (0, 1), **said}))

    (tmp_path / "moved.onnx").write_bytes((tmp_path / "teacher.onnx").read_bytes())
    assert found(file) == found(tmp_path / "moved.onnx")
    assert found(file) != found(file, input_range=(0, 255))
    other = write(tmp_path / "other.onnx", ("N", 3, 8, 8))
    assert found(other) != found(file)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A Keras network, and the ONNX file that Keras makes of it."""
    pytest.importorskip("tf2onnx")
    keras.utils.set_random_seed(1)
    model = resnet(8, 0.5, 4, (8, 8, 3))
    model.set_weights([w + np.random.normal(0, 0.1, w.shape) for w in model.get_weights()])
    model(images())  # before it is exported
    path = tmp_path_factory.mktemp("onnx") / "teacher.onnx"
    model.export(path, format="onnx", verbose=False)
    return model, str(path)


def test_a_file_of_keras_equals_its_network(exported):
    model, path = exported
    teacher = load(path, 4, (8, 8, 3), input_range=(-1, 1))
    np.testing.assert_allclose(teacher(images(9, 8, 8, 3)), model(images(9, 8, 8, 3)), atol=1e-4)


def test_students_of_both_agree(exported):
    model, path = exported
    trained = []
    for handle in (model, path):
        keras.utils.set_random_seed(2)
        layers = [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(4)]
        teacher = freeze(load(handle, 4, (8, 8, 3), input_range=(-1, 1)), engine="graph")
        kd = KDModel(keras.Sequential(layers), teacher, SoftTargets(temperature=2.0))
        kd.compile(keras.optimizers.SGD(0.1))
        kd.fit(images(16, 8, 8, 3), batch_size=4, epochs=2, shuffle=False, verbose=0)
        trained.append(kd.student.get_weights())
    moved = np.abs(trained[0][0]).max()
    for a, b in zip(*trained, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4 * moved)

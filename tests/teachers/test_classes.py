"""A teacher's class names against the data's: found beside it, given, compared, put in order."""

import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.export import to_saved_model
from keras_kd.models.answers import is_normalized
from keras_kd.teachers import Ensemble, load
from keras_kd.teachers.classes import read_classes, recorded_classes
from keras_kd.teachers.wanted import Asked

SHAPE, OWN = (4, 4, 3), ("ant", "bee", "cat", "dog")


def net(classes=4, activation=None):
    images = keras.Input(SHAPE)
    x = keras.layers.Flatten()(images)
    return keras.Model(images, keras.layers.Dense(classes, activation=activation)(x))


def images():
    return np.random.default_rng(0).uniform(-1, 1, (3, *SHAPE)).astype("float32")


@pytest.fixture
def path(tmp_path):
    """A model's file in a folder of its own."""
    (tmp_path / "model").mkdir()
    net().save(tmp_path / "model" / "model.keras")
    return tmp_path / "model" / "model.keras"


@pytest.mark.parametrize("kind", ["labels.txt", "json list", "list"])
def test_names_in_another_order_put_the_logits_in_order(path, kind):
    classes = list(OWN)
    if kind != "list":
        classes = path.parent / ("names.txt" if kind == "labels.txt" else "names.json")
        text = json.dumps(OWN) if kind == "json list" else "\n".join(OWN) + "\n\n"
        classes.write_text(text, encoding="utf-8")
        classes = str(classes)
    data = ["dog", "ant", "cat", "bee"]
    teacher = load(str(path), data, SHAPE, classes=classes)
    plain = load(str(path), 4, SHAPE)(images()).numpy()
    np.testing.assert_array_equal(teacher(images()), plain[:, [3, 0, 2, 1]])
    # Of a larger teacher those of the data are left.
    few = load(str(path), ["cat", "ant"], SHAPE, classes=classes)
    np.testing.assert_array_equal(few(images()), plain[:, [2, 0]])


def test_log_probabilities_stay_what_they_are():
    hidden = keras.Sequential([net(), keras.layers.Lambda(lambda x: tf.nn.softmax(x))])
    teacher = load(hidden, OWN[::-1], SHAPE, classes=OWN)
    assert is_normalized(teacher)
    np.testing.assert_allclose(
        np.exp(teacher(images())), hidden(images()).numpy()[:, ::-1], rtol=1e-4
    )


def test_names_beside_a_file_are_compared_and_put_in_order(path):
    plain = load(str(path), 4, SHAPE)(images()).numpy()
    (path.parent / "labels.txt").write_text("\n".join(OWN))
    np.testing.assert_array_equal(load(str(path), list(OWN), SHAPE)(images()), plain)
    np.testing.assert_array_equal(load(str(path), OWN[::-1], SHAPE)(images()), plain[:, ::-1])
    assert load(str(path), 4, SHAPE).output_shape == (None, 4)  # nothing to compare with
    message = r"classes of .*labels\.txt lack 2 of the data's 4: 'bea' Did you mean 'bee'\?, 'x'"
    with pytest.raises(Asked, match=message) as error:
        load(str(path), ["ant", "bea", "cat", "x"], SHAPE)
    assert error.value.argument == "classes" and "pass classes=FILE" in str(error.value)
    # The way out that it names.
    teacher = load(str(path), ["ant", "bea", "cat", "x"], SHAPE, classes=["ant", "x", "cat", "bea"])
    np.testing.assert_array_equal(teacher(images()), plain[:, [0, 3, 2, 1]])


def test_a_file_of_names_that_is_about_something_else_tells_nothing(path):
    (path.parent / "labels.txt").write_text("one\ntwo")
    assert load(str(path), list(OWN), SHAPE).output_shape == (None, 4)
    # Data that have numbers for names cannot be compared.
    (path.parent / "labels.txt").write_text("\n".join(OWN))
    assert load(str(path), list("0123"), SHAPE).output_shape == (None, 4)


def test_a_run_tells_the_classes_of_what_it_left(path):
    plain = load(str(path), 4, SHAPE)(images()).numpy()
    home = path.parent
    (home / "report.json").write_text(json.dumps({"classes": OWN[::-1], "stages": {"teacher": {}}}))
    assert recorded_classes(path) == ((), "")  # some other file
    for name in ("student.keras", "teacher.keras"):
        net().save(home / name)
        (home / name).write_bytes(path.read_bytes())
        teacher = load(str(home / name), list(OWN), SHAPE)
        np.testing.assert_array_equal(teacher(images()), plain[:, ::-1])


def test_a_saved_model_tells_its_classes(tmp_path):
    model = net()
    to_saved_model(model, tmp_path / "saved", class_names=list(OWN))
    teacher = load(str(tmp_path / "saved"), OWN[::-1], SHAPE)
    np.testing.assert_allclose(teacher(images()), model(images()).numpy()[:, ::-1], atol=1e-5)
    names, place = recorded_classes(tmp_path / "saved")
    assert names == OWN and place.name == "keras_kd.json"
    place.unlink()
    names, place = recorded_classes(f"hub:{tmp_path / 'saved'}")
    assert names == OWN and place.name == "class_names.txt"


def test_an_ensemble_is_put_in_order_member_by_member(tmp_path):
    paths = []
    for name in "ab":
        (tmp_path / name).mkdir()
        net().save(tmp_path / name / "m.keras")
        paths.append(str(tmp_path / name / "m.keras"))
    (tmp_path / "b" / "labels.txt").write_text("\n".join(OWN[::-1]))
    teacher = load(",".join(paths), list(OWN), SHAPE)
    assert isinstance(teacher, Ensemble)
    each = [keras.models.load_model(path)(images()).numpy() for path in paths]
    p = [np.exp(z) / np.exp(z).sum(-1, keepdims=True) for z in (each[0], each[1][:, ::-1])]
    np.testing.assert_allclose(np.exp(teacher(images())), np.mean(p, 0), rtol=1e-4)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("", "a.txt", "which has none"),
        ("{}", "a.json", "no list of names"),
        ("[1, 2]", "a.json", "no list of names"),
        ("[", "a.json", "a.json': Expecting"),
        (None, "a.txt", "No such file"),
    ],
)
def test_files_that_hold_no_names(tmp_path, content, name, message):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        read_classes(str(tmp_path / name))


def test_names_that_are_not_as_many_as_the_outputs():
    with pytest.raises(ValueError, match=r"outputs, 4 in all\. Received: 3 names for 'func"):
        load(net(), list(OWN), SHAPE, classes=OWN[:3])
    with pytest.raises(ValueError, match=r"logit per class.*6 outputs.* pass classes=FILE"):
        load(net(6), list(OWN), SHAPE)


def test_labels_inside_a_file_are_compared(tmp_path):
    """As TFLite metadata hold them: a zip archive behind the file's own bytes."""
    (tmp_path / "a.tflite").write_bytes(b"TFL3")
    with zipfile.ZipFile(tmp_path / "a.tflite", "a") as archive:
        archive.writestr("labels.txt", "\n".join(OWN))
    assert recorded_classes(f"tflite:{tmp_path}/a.tflite") == (OWN, tmp_path / "a.tflite")


def test_a_name_that_is_there_twice_matters_only_where_the_data_have_it(path):
    """ImageNet has two cranes and two maillots."""
    (path.parent / "labels.txt").write_text("crane\nbee\ncrane\ndog")
    plain = load(str(path), 4, SHAPE)(images()).numpy()
    np.testing.assert_array_equal(
        load(str(path), ["dog", "bee"], SHAPE)(images()), plain[:, [3, 1]]
    )
    for told in ({}, {"classes": ["crane", "bee", "crane", "dog"]}):
        with pytest.raises(ValueError, match="have 'crane' 2 times"):
            load(str(path), ["dog", "crane"], SHAPE, **told)
    apart = ["bird", "bee", "crane", "dog"]
    teacher = load(str(path), ["dog", "crane"], SHAPE, classes=apart)
    np.testing.assert_array_equal(teacher(images()), plain[:, [3, 2]])


def test_more_names_than_outputs_are_left_aside_with_a_word(path, logged):
    names = ["background", "b", "a", "c", "d"]
    path.with_name("labels.txt").write_text("\n".join(names))
    as_data = load(str(path), ["a", "b", "c", "d"], SHAPE)
    (line,) = [line for line in logged() if "labels.txt" in line]
    assert "the 5 names in " in line and "its 4 outputs" in line
    path.with_name("labels.txt").unlink()
    np.testing.assert_array_equal(
        as_data(images()), load(str(path), ["a", "b", "c", "d"], SHAPE)(images())
    )
    assert len([line for line in logged() if "labels.txt" in line]) == 1

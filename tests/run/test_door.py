"""A loaded teacher at the door: let in, stopped, and what mends it works when it is followed."""

import ast
import re

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tiny_run import tiny_run

from keras_kd.config import network
from keras_kd.data import evaluation_dataset
from keras_kd.run import Experiment, door
from keras_kd.run import story as run
from keras_kd.run.lines import lines_to
from keras_kd.run.teach import teach


@pytest.fixture(scope="module")
def weights():
    """(kernel, bias) of a logistic regression on the digits, in [-1, 1]: right on over 90 %."""
    images = evaluation_dataset("digits", "train", 500, 8, full_image=True)
    x, y = (np.concatenate(part) for part in zip(*images.as_numpy_iterator()))
    fitted = LogisticRegression(C=0.1, max_iter=300).fit(x.reshape(len(x), -1), y)
    return fitted.coef_.T, fitted.intercept_


def save(path, kernel, bias):
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, keras.layers.Dense(len(bias))(keras.layers.Flatten()(inputs)))
    model.layers[-1].set_weights([kernel, bias])
    model.save(path)
    return str(path)


def of_order(order):
    """Output j stands for class order[j]."""
    return lambda kernel, bias: (kernel[:, order], bias[order])


def of_range(low, high):
    """The same answers to values of another range."""
    scale, offset = 2 / (high - low), -(high + low) / (high - low)
    return lambda kernel, bias: (kernel * scale, bias + kernel.sum(0) * offset)


def of_unit_range_and_brightness(kernel, bias):
    """For [0, 1], with a share of the brightness in each class that is nothing on the average."""
    share = 0.05 * np.random.default_rng(0).normal(size=10)
    return of_range(0, 1)(kernel + share, bias + 24.9 * share)


def nothing(kernel, bias):
    return np.random.default_rng(0).normal(size=kernel.shape), 0 * bias


ROLLED = np.roll(np.arange(10), 1)
SWAPPED = np.array([0, 1, 2, 7, 4, 5, 6, 3, 8, 9])
STOPPED = {
    "another order": (of_order(ROLLED), "no more than chance", "classes"),
    "two classes that changed places": (of_order(SWAPPED), "fewer than it would be", "classes"),
    "pixels": (of_range(0, 255), "no more than chance", "input_range"),
    "pixels that are nearly right": (
        of_unit_range_and_brightness,
        "fewer than with pixels from 0",
        "input_range",
    ),
}


def config_of(handle, **changes):
    config = tiny_run(**{"teacher.handle": handle, "data.eval_split": "test[:300]", **changes})
    config.teacher.accept = False
    return config


def told_by(config, workdir):
    told = []
    with lines_to(told.append):
        door.check_teachers(Experiment(config, workdir))
    return told


def right_on(told):
    return float(re.findall(r"right on ([\d.]+) %", "\n".join(told))[-1])


def test_one_that_knows_the_classes_is_let_in(weights, tmp_path):
    config = config_of(save(tmp_path / "good.keras", *weights))
    (line,) = told_by(config, tmp_path / "run")
    expected = r"The teacher .*good\.keras is right on (\d+\.\d) % of 300 images of split 'test"
    found = re.match(expected, line)
    images = evaluation_dataset("digits", "test[:300]", 300, 8, full_image=True)
    ((x, y),) = images.as_numpy_iterator()
    right = (x.reshape(300, -1) @ weights[0] + weights[1]).argmax(-1) == y
    assert float(found[1]) == pytest.approx(100 * right.mean(), abs=0.11)
    assert float(found[1]) > 85


@pytest.mark.parametrize("name", STOPPED)
def test_what_mends_a_teacher_is_a_key_that_works(weights, tmp_path, name):
    change, message, key = STOPPED[name]
    config = config_of(save(tmp_path / "bad.keras", *change(*weights)))
    with pytest.raises(ValueError, match=message) as error:
        run.run(config, tmp_path / "run")
    said = str(error.value)
    assert not (tmp_path / "run" / "checkpoints").exists()
    assert "Nothing was trained. Tried: pixels from " in said
    advice = re.search(r'Start again with --config\.teacher\.(\w+)="([^"]*)", under which', said)
    assert advice[1] == key
    value = advice[2]
    config.teacher[key] = ast.literal_eval(value) if value.startswith("(") else value
    assert right_on(told_by(config, tmp_path / "run")) > 85
    config.teacher[key] = type(config.teacher[key])()
    config.teacher.accept = True
    assert "--config.teacher.accept=True" in said
    *_, accepted = told_by(config, tmp_path / "run")
    if "pixels" not in message:  # other values are not tried of one that is accepted anyway
        assert accepted == "It teaches all the same, as config.teacher.accept says."


def test_a_file_of_names_that_is_wrong_is_mended_too(weights, tmp_path):
    """Names of twelve outputs, two of which the data do not have, and all in a wrong order."""
    kernel, bias = weights
    wide = np.concatenate([np.zeros((64, 2)), kernel[:, ROLLED]], axis=1)
    handle = save(tmp_path / "wide.keras", wide, np.concatenate([[-9, -9], bias[ROLLED]]))
    (tmp_path / "names.txt").write_text("\n".join(["x", "y", *"0123456789"]))
    config = config_of(handle, **{"teacher.classes": str(tmp_path / "names.txt")})
    with pytest.raises(ValueError, match="no more than chance") as error:
        door.check_teachers(Experiment(config, tmp_path / "run"))
    config.teacher.classes = re.search(r'classes="([^"]*)"', str(error.value))[1]
    assert right_on(told_by(config, tmp_path / "run")) > 85


def test_what_nothing_mends_says_so(weights, tmp_path):
    config = config_of(save(tmp_path / "none.keras", *nothing(*weights)))
    with pytest.raises(ValueError, match=r"None of these makes it right.*fine-tune it"):
        door.check_teachers(Experiment(config, tmp_path / "run"))
    # Before targets are computed, too.
    with pytest.raises(ValueError, match="None of these makes it right"):
        teach(config, tmp_path / "run")
    assert not list((tmp_path / "run").glob("teacher_cache/*"))


def test_a_handle_without_a_section_is_told_to_take_one(weights, tmp_path):
    handle = save(tmp_path / "rolled.keras", *of_order(ROLLED)(*weights))
    config = config_of("", **{"distil.teachers": (handle,)})
    with pytest.raises(ValueError, match=r"config\.other = network.*config\.other\.classes="):
        door.check_teachers(Experiment(config, tmp_path / "run"))


def test_each_member_of_an_ensemble_is_looked_at(weights, tmp_path):
    good = save(tmp_path / "good.keras", *weights)
    rolled = save(tmp_path / "rolled.keras", *of_order(ROLLED)(*weights))
    with pytest.raises(ValueError, match=r"functional_?\w* of .*rolled\.keras, which is right on"):
        door.check_teachers(Experiment(config_of(f"{good},{rolled}"), tmp_path / "run"))


def test_a_member_is_mended_in_a_section_of_its_own(weights, tmp_path):
    good = save(tmp_path / "good.keras", *weights)
    rolled = save(tmp_path / "rolled.keras", *of_order(ROLLED)(*weights))
    with pytest.raises(ValueError, match="Nothing was trained") as error:
        door.check_teachers(Experiment(config_of(f"{good},{rolled}"), tmp_path / "run"))
    assert "--config.teacher.classes" not in str(error.value)
    said = r'config\.other = network\(\), .*config\.other\.classes="([^"]*)"'
    config = config_of(good)
    config.other = network()
    config.other.handle, config.other.classes = rolled, re.search(said, str(error.value))[1]
    config.distil.teachers = ("teacher", "other")
    told = told_by(config, tmp_path / "run")
    assert right_on(told) > 85


def test_too_few_images_do_not_tell_an_order(weights, tmp_path):
    config = config_of(save(tmp_path / "none.keras", *nothing(*weights)))
    config.data.eval_split = "test[:60]"
    with pytest.raises(ValueError, match="60 images are too few to find an order of so many"):
        door.check_teachers(Experiment(config, tmp_path / "run"))


def test_too_few_images_stop_nobody(weights, tmp_path):
    handle = save(tmp_path / "none.keras", *nothing(*weights))
    told = told_by(config_of(handle, **{"data.eval_split": "test[:6]"}), tmp_path / "run")
    assert told[1] == "That may be chance: they are too few to tell."


def test_nothing_is_said_without_labels_or_once_a_run_has_begun(weights, tmp_path, monkeypatch):
    config = config_of(save(tmp_path / "none.keras", *nothing(*weights)))
    experiment = Experiment(config, tmp_path / "run")
    labels = experiment.source.split("test[:300]").labels
    monkeypatch.setattr(experiment.source.split("test[:300]"), "labels", np.full_like(labels, -1))
    door.check_teachers(experiment)
    monkeypatch.undo()
    monkeypatch.setattr(experiment.workdir, "earlier", {})
    door.check_teachers(experiment)


def test_a_teacher_that_the_run_trains_is_not_looked_at(tmp_path):
    assert told_by(tiny_run(), tmp_path / "run") == []


def test_two_stages_that_follow_one_teacher_look_at_it_once(weights, tmp_path):
    config = config_of(save(tmp_path / "good.keras", *weights))
    config.assistant = network("resnet", depth=8, width=0.375)
    assert len(told_by(config, tmp_path / "run")) == 1

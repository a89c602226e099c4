"""What a loaded teacher is shown: labelled images that are a sample of all, for a limited time."""

import keras
import numpy as np
import pytest
from tiny_run import tiny_run

from keras_kd.models.hub import HubModule
from keras_kd.run import Experiment, shown
from keras_kd.teachers.kinds.keras_file import KerasFile
from keras_kd.teachers.wanted import Asked


@pytest.fixture
def look(tmp_path):
    inputs = keras.Input((8, 8, 1))
    keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(inputs))).save(
        tmp_path / "a.keras"
    )
    changes = {"teacher.handle": str(tmp_path / "a.keras"), "data.eval_split": "train"}
    experiment = Experiment(tiny_run(**changes), tmp_path / "run")
    return shown.Shown(experiment, experiment.last.teachers[0])


def test_a_thousand_images_of_all_classes_with_their_labels(look):
    labels, answers = look.look()
    ((name, given),) = answers
    assert len(labels) == len(given) == shown.MOST and name == ""
    everything = look.experiment.source.split("train").labels  # 1,297
    expected = np.bincount(everything) / len(everything)
    for part in (labels, labels[:200]):  # the first ones are a sample, too
        np.testing.assert_allclose(np.bincount(part) / len(part), expected, atol=0.06)
    again, _ = look.look()
    np.testing.assert_array_equal(labels, again)


def test_a_slow_teacher_is_shown_fewer(look, monkeypatch):
    monkeypatch.setattr(shown, "SECONDS", 0.0)
    labels, answers = look.look()
    assert len(labels) == len(answers[0][1]) == shown.LEAST
    assert look.seconds > 0


def test_what_its_handle_asks_is_asked_by_its_key(look, monkeypatch):
    def load(*args, **kwargs):
        raise Asked("Channels first or last?", "layout", "nchw")

    monkeypatch.setattr(look.experiment, "load", load)
    with pytest.raises(
        ValueError, match=r"On the command line that is --config\.teacher\.layout=n"
    ):
        look.look()


def test_only_values_that_nothing_tells_are_assumed(tmp_path):
    """Of what a kind of handle knows, and of what shows them or is told, no others are tried."""
    inputs = keras.Input((8, 8, 1))
    end = keras.layers.Dense(10)(keras.layers.Flatten()(inputs))
    plain, shows = keras.Model(inputs, end), keras.layers.Rescaling(2.0, -1.0)(inputs)
    files = {name: str(tmp_path / name) for name in ("plain.keras", "shows.keras", "saved")}
    plain.save(files["plain.keras"])
    keras.Model(inputs, plain(shows)).save(files["shows.keras"])
    plain.export(files["saved"], verbose=False)

    def assumed(handle, **section):
        changes = {f"teacher.{key}": value for key, value in section.items()}
        config = tiny_run(**{"teacher.handle": handle, **changes})
        experiment = Experiment(config, tmp_path / "run")
        return shown.Shown(experiment, experiment.last.teachers[0]).assumed

    assert assumed(files["plain.keras"])
    assert not assumed(files["shows.keras"])
    assert not assumed(files["plain.keras"], input_range=(0.0, 255.0))
    assert not assumed(f"hub:{files['saved']}")
    assert not assumed(files["saved"], input_range=(-1.0, 1.0))
    assert not assumed(f"{files['shows.keras']},hub:{files['saved']}")
    assert assumed(f"hub:{files['saved']},{files['plain.keras']}")


def test_a_file_of_keras_2_that_states_nothing_is_assumed(tmp_path):
    inputs = keras.Input((8, 8, 1))
    plain = keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(inputs)))
    plain.export(str(tmp_path / "saved"), verbose=False)
    kind = KerasFile()
    for values, want in (((-1, 1), True), ((0, 255), False)):
        module = HubModule(str(tmp_path / "saved"), values)
        assert kind.assumes(keras.Model(inputs, module(inputs))) is want

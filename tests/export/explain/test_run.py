"""The explanation points at what integers ruin, and its recipe builds a file that answers again."""

import json

import keras
import pytest

from keras_kd.export import to_tflite, verify
from keras_kd.export.explain import told
from keras_kd.export.explain.run import check_explainable, explain, explained


@pytest.fixture(scope="module")
def found(norm_net):
    model, images, logits = norm_net
    return explained(model, "int8", None, images, images, logits.argmax(-1), logits)


def test_it_points_at_the_norm(found):
    assert found["layers"][0]["layer"] == "norm"
    best = max(found["singles"], key=lambda one: one["sqnr_db"])
    assert best["keep"] == ["norm"] and found["recipe"][0] == "norm"
    assert best["sqnr_db"] > found["path"][0]["sqnr_db"] + 3
    assert found["build"] == "int8_full" and found["norms"]["agreement"] > 0.9


def test_every_row_tells_what_it_costs(found):
    for row in told.labelled(found):
        assert row["latency_ms"] > 0 and row["bytes"] > 0 and "path" not in row
        assert row["accuracy"] == row["agreement"]  # the labels are the student's own answers
    json.dumps(found)  # for report.json
    assert told.text({**found, "command": "COMMAND"}).endswith(": COMMAND")


def test_the_recipe_builds_the_file_that_was_measured(found, norm_net, tmp_path):
    model, images, _ = norm_net
    path = tmp_path / "f.tflite"
    facts = to_tflite(model, path, found["build"], [images], keep_float=found["recipe"])
    assert facts["fallback"].endswith(f"asked for: {', '.join(found['recipe'])}")
    assert verify(model, path, [images])["agreement_with_keras"] == found["path"][-1]["agreement"]
    assert any("/norm_" in name for name in facts["float_tensors"])


def test_where_nothing_is_wrong_nothing_is_kept(batch_norm_net, images, truth):
    logits, labels = truth
    found = explained(batch_norm_net, "int8", None, images, images, labels, logits)
    assert found["norms"] is None and found["build"] == "int8"
    assert found["path"][0]["sqnr_db"] > 25
    if found["path"][0]["agreement"] == 1:
        assert found["recipe"] == [] and "no layer needs float32" in told.advice(found)


def test_a_run_is_explained_and_its_report_tells(finished_run, student_of_run):
    from keras_kd.export import render

    found = explain(finished_run, "int8")
    kept = json.loads((finished_run / "report.json").read_text())["explain"]
    assert kept["layers"] == json.loads(json.dumps(found["layers"])) and kept["examples"] > 0
    assert found["command"].startswith("keras-kd-export --workdir=DIR --formats=int8")
    page = render(finished_run).read_text()
    assert "Where integers lose accuracy" in page and found["layers"][0]["layer"] in page


def test_formats_of_floats_are_refused():
    with pytest.raises(ValueError, match=r"--explain must be one of int8, int8_full.*'float16'"):
        check_explainable("float16")


def test_layers_that_are_none_are_refused_with_the_nearest(norm_net, tmp_path):
    model, images, _ = norm_net
    with pytest.raises(ValueError, match=r"Received: 'nrom'\. Did you mean 'norm'\?"):
        to_tflite(model, tmp_path / "f", "int8", [images], keep_float=("nrom",))
    image = keras.Input((4, 4, 3))
    x = keras.layers.Dropout(0.5, name="drop")(keras.layers.Flatten()(image))
    small = keras.Model(image, keras.layers.Dense(2, name="head")(x))
    with pytest.raises(ValueError, match=r"'drop', which the converter merged .* or left out"):
        to_tflite(small, tmp_path / "f", "int8", [images[:, :4, :4]], keep_float=("drop",))
    assert not (tmp_path / "f").exists()
    facts = to_tflite(small, tmp_path / "f", "int8", [images[:, :4, :4]], keep_float=("head",))
    assert facts["float_tensors"] and not facts["fully_quantized"]

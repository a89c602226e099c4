"""A whole export over the embedded digits."""

import json

import keras
import numpy as np
import pytest

from keras_kd.data import evaluation_dataset
from keras_kd.export import export

FIELDS = {"bytes", "accuracy", "agreement_with_keras", "latency_ms", "fallback", "fully_quantized"}


def save_student(workdir):
    image = keras.Input((12, 12, 1))
    x = keras.layers.Conv2D(6, 3, strides=2, use_bias=False)(image)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, x)
    model.save(workdir / "student.keras")
    return model


def test_a_run_is_exported_and_recorded(finished_run, caplog):
    model = save_student(finished_run)
    with caplog.at_level("INFO", logger="keras_kd.export"):
        results = export(finished_run, ["saved_model", "float32", "int8"])
    report = json.loads((finished_run / "report.json").read_text())
    assert report["exports"] == json.loads(json.dumps(results))
    assert report["teacher"]["parameters"] == 560000  # the rest of the report stays
    # The accuracy once more, by Keras alone.
    right = [
        model(x, training=False).numpy().argmax(-1) == y.numpy()
        for x, y in evaluation_dataset("digits", "test", 50, 12)
    ]
    expected = np.concatenate(right).mean()
    for name in ("saved_model", "float32"):
        assert results[name]["accuracy"] == pytest.approx(expected, abs=0.003)
        assert results[name]["agreement_with_keras"] >= 0.997
        assert results[name]["max_abs_logit_difference"] < 1e-4
    assert set(results["int8"]) >= FIELDS and results["int8"]["fully_quantized"]
    file = finished_run / results["int8"]["path"]
    assert file.stat().st_size == results["int8"]["bytes"]
    assert results["int8"]["examples"] == len(np.concatenate(right))
    assert "images/s" in caplog.text and "float32" in caplog.text


def test_later_formats_are_added_to_earlier_ones(finished_run):
    from keras_kd.export.run import record_result

    record_result(finished_run, "float32", {"bytes": 1})
    record_result(finished_run, "int8", {"bytes": 2})
    record_result(finished_run, "float32", {"bytes": 3})
    exports = json.loads((finished_run / "report.json").read_text())["exports"]
    assert exports == {"float32": {"bytes": 3}, "int8": {"bytes": 2}}


def test_an_unfinished_run_is_refused(finished_run):
    with pytest.raises(ValueError, match=r"student of a finished run was expected"):
        export(finished_run)
    (finished_run / "student.keras").write_text("half a file")
    with pytest.raises(ValueError, match="does not load"):
        export(finished_run)


def test_data_that_is_gone_is_named(finished_run):
    save_student(finished_run)
    config = json.loads((finished_run / "config.json").read_text())
    config["data"]["source"] = "folder:nowhere/at/all"
    (finished_run / "config.json").write_text(json.dumps(config))
    with pytest.raises(OSError, match="nowhere/at/all"):
        export(finished_run)

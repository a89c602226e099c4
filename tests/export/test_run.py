"""A whole export over the embedded digits."""

import json

import numpy as np
import pytest

from keras_kd.data import evaluation_dataset
from keras_kd.export import check_formats, export
from keras_kd.utils.files import folder_bytes

FIELDS = {"bytes", "accuracy", "agreement_with_keras", "latency_ms", "p90_ms", "path"}


def test_a_run_is_exported_and_recorded(finished_run, student_of_run, caplog):
    with caplog.at_level("INFO", logger="keras_kd.export"):
        results = export(finished_run, ["all"])
    assert list(results) == check_formats()
    report = json.loads((finished_run / "report.json").read_text())
    assert report["exports"] == json.loads(json.dumps(results))
    assert report["teacher"]["parameters"] == 560000  # the rest of the report stays
    # The accuracy once more, by Keras alone.
    right = [
        student_of_run(x, training=False).numpy().argmax(-1) == y.numpy()
        for x, y in evaluation_dataset("digits", "test", 50, 12)
    ]
    expected = np.concatenate(right).mean()
    for name in {"saved_model", "float32"} & results.keys():
        assert results[name]["accuracy"] == pytest.approx(expected, abs=0.003)
        assert results[name]["agreement_with_keras"] >= 0.997
        assert results[name]["max_abs_logit_difference"] < 1e-4
    for name, facts in results.items():
        assert set(facts) >= FIELDS and facts["examples"] == len(np.concatenate(right))
        assert folder_bytes(finished_run / facts["path"]) == facts["bytes"]
        assert name in caplog.text
    assert "images/s" in caplog.text
    assert {row["format"] for row in report["latency"]["rows"]} == set(results)
    assert "XNNPACK off" in caplog.text


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


def test_data_that_is_gone_is_named(finished_run, student_of_run):
    config = json.loads((finished_run / "config.json").read_text())
    config["data"]["source"] = "folder:nowhere/at/all"
    (finished_run / "config.json").write_text(json.dumps(config))
    with pytest.raises(OSError, match="nowhere/at/all"):
        export(finished_run)

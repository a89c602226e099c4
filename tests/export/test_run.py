"""A whole export over the embedded digits, the text table, and the two binaries."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_kd.data import evaluation_dataset
from keras_kd.export import export, summary_table

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


def test_summary_table(finished_run):
    path = finished_run / "report.json"
    report = json.loads(path.read_text())
    report["exports"]["int8"] = {
        "bytes": 90713,
        "accuracy": 0.975,
        "agreement_with_keras": 0.99,
        "latency_ms": 0.1149,
        "fallback": "2 tensors stay in float32",
    }
    path.write_text(json.dumps(report))
    lines = summary_table(finished_run).splitlines()
    assert lines[0].split() == ["accuracy", "agreement", "parameters", "bytes", "latency"]
    cells = {line.split()[0]: line.split() for line in lines[2:]}
    assert cells["teacher"][1:3] == ["99.00", "%"] and "560,000" in cells["teacher"]
    assert "70,000" in cells["baseline"]  # the student's own network
    assert " ".join(cells["int8"][1:]) == "* 97.50 % 99.00 % \u2013 90,713 0.115 ms"
    assert lines[-1] == "int8: 2 tensors stay in float32"
    assert len({len(line) for line in lines[1:5]} - {len(lines[1])}) <= 1  # columns line up


def test_summary_of_an_unfinished_run(tmp_path):
    assert "Nothing has been measured" in summary_table(tmp_path)


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


def run_binary(name, *flags):
    code = f"from keras_kd.commands.{name} import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, flags)], capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("program", "flags", "expected"),
    [
        ("export", [], "Expected the working directory of a training run"),
        ("export", ["--workdir=/no/such/folder"], "workdir='/no/such/folder'"),
        ("export", ["--workdir={run}", "--formats=int9"], "Did you mean 'int8'?"),
        ("export", ["--workdir={run}"], "student of a finished run was expected"),
        ("export", ["--wrkdir={run}"], "Unknown command line flag 'wrkdir'"),
        ("report", ["--workdir=/no/such/folder"], "workdir='/no/such/folder'"),
        ("report", ["here"], "Expected flags only"),
    ],
)
def test_mistakes_end_in_one_line_and_exit_code_2(finished_run, program, flags, expected):
    done = run_binary(program, *[flag.format(run=finished_run) for flag in flags])
    assert done.returncode == 2 and "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("keras-kd-")]
    assert len(lines) == 1 and lines[0].startswith(f"keras-kd-{program}: ")
    assert expected in lines[0]


def test_the_report_binary_writes_the_page(finished_run):
    done = run_binary("report", f"--workdir={finished_run}")
    assert done.returncode == 0, done.stderr
    page = finished_run / "report.html"
    assert page.is_file() and done.stdout.strip() == f"Report: {page}"


def test_help_shows_the_flags():
    done = run_binary("export", "--help")
    assert "--workdir" in done.stdout and "--formats" in done.stdout

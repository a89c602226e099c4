"""A transformer teaches a transformer, from the config to the exported files."""

import numpy as np
import pytest
from tiny_run import tiny_run, with_changes

from keras_kd.export.run import export
from keras_kd.run import Finished, run

SIZES = {"patch": 4, "width": 16, "depth": 2, "heads": 2, "mlp_width": 32}


@pytest.mark.slow
def test_a_whole_run_and_its_files(tmp_path):
    config = tiny_run(4, xla="off")
    config.teacher.model = {"name": "vit", "kwargs": {**SIZES, "heads": 4}}
    config.student.model = {"name": "vit", "kwargs": {**SIZES, "distillation": True}}
    config.baseline.enabled = False
    with_changes(config, {"distil.methods": {"soft_targets": {"temperature": 1.0}}})
    report = run(config, tmp_path / "run")
    student = Finished(tmp_path / "run").load_student()
    assert report["student"]["parameters"] == student.count_params()
    logits = np.load(tmp_path / "run" / "predictions.npz")["student_logits"]
    images = next(iter(Finished(tmp_path / "run").evaluation_images()))[0]
    np.testing.assert_allclose(student(images)[:10], logits[:10], atol=1e-5)
    results = export(tmp_path / "run", ["all"])
    for name in ("float32", "float16", "dynamic"):
        assert results[name]["agreement_with_keras"] >= 0.97, name
    # In full int8 norms, GELU and softmax lose what they lose: measured, and held to a share.
    assert {"agreement_with_keras", "accuracy", "min_agreement"} <= results["int8"].keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vit", "mixer"])
def test_maps_of_a_transformer_teach_a_convolutional_student(name, tmp_path):
    config = tiny_run(4, xla="off")
    sizes = {"patch": 4, "width": 16, "depth": 2}
    config.teacher.model = {"name": name, "kwargs": sizes}
    config.baseline.enabled = False
    taps = {"student_taps": ["stage2"], "teacher_taps": ["block2_map"]}
    with_changes(config, {"distil.methods": {"attention_transfer": taps}})
    report = run(config, tmp_path / "run")
    assert report["teacher"]["name"] == name

"""A Mixer teaches a transformer as DeiT does, from the config to the exported files."""

import numpy as np
import pytest
from tiny_run import tiny_run, with_changes

from keras_kd.export.run import export
from keras_kd.run import Finished, run

SIZES = {"patch": 4, "width": 16, "depth": 2}
METHODS = {
    "labels": {"student_taps": ["logits_class"], "weight": 0.5},
    "hard_labels": {
        "student_taps": ["logits_distilled"], "teacher_taps": ["logits"], "weight": 0.5,
    },
    "attention_transfer": {"student_taps": ["block2_map"], "teacher_taps": ["block2_map"]},
}  # fmt: skip


@pytest.mark.slow
def test_a_whole_run_and_its_files(tmp_path):
    config = tiny_run(4, xla="off")
    config.teacher.model = {"name": "mixer", "kwargs": SIZES}
    sizes = {**SIZES, "heads": 2, "distillation": True}
    config.student.model = {"name": "vit", "kwargs": sizes}
    config.baseline.enabled = False
    changes = {"distil.methods": METHODS, "distil.label_weight": 0.0}
    report = run(with_changes(config, changes), tmp_path / "run")
    student = Finished(tmp_path / "run").load_student()
    assert report["student"]["parameters"] == student.count_params()
    logits = np.load(tmp_path / "run" / "predictions.npz")["student_logits"]
    images = next(iter(Finished(tmp_path / "run").evaluation_images()))[0]
    np.testing.assert_allclose(student(images)[:10], logits[:10], atol=1e-5)
    results = export(tmp_path / "run", ["float32", "float16", "dynamic", "int8"])
    for name in ("float32", "float16", "dynamic"):
        assert results[name]["agreement_with_keras"] >= 0.97, name
    # In full int8 norms, GELU and softmax lose what they lose: measured, and held to a share.
    assert {"agreement_with_keras", "accuracy", "min_agreement"} <= results["int8"].keys()

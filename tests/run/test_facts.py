"""What a run leaves when it is done: figures that are those of the files beside them."""

import keras
import numpy as np
import pytest

from keras_kd import data
from keras_kd.evaluation import fidelity
from keras_kd.run.facts import share
from keras_kd.training.log import logged


def test_the_share_of_right_answers_by_hand():
    logits = np.array([[2.0, 1.0], [0.0, 1.0], [3.0, -1.0], [0.0, 5.0]])
    assert share(logits, np.array([0, 1, 1, 1])) == 0.75
    assert isinstance(share(logits, np.zeros(4, int)), float)


def test_the_log_of_a_stage_and_its_entry_agree(finished_run):
    report, workdir = finished_run
    for name, facts in report["stages"].items():
        *_, last = logged(workdir / "metrics.jsonl", name)
        assert facts["accuracy"] == pytest.approx(last["val_accuracy"])
        assert facts["teachers"] == (["teacher"] if name == "distil" else [])
    assert report["baseline"] == {"accuracy": report["stages"]["baseline"]["accuracy"]}
    with np.load(workdir / "predictions.npz") as saved:
        for role in ("student", "teacher"):
            assert share(saved[f"{role}_logits"], saved["label"]) == report[role]["accuracy"]
        # Images on which one of two is right make up the difference of their accuracies.
        for role in ("teacher", "baseline"):
            own, other = report["paired"][role]
            lead = report["student"]["accuracy"] - report[role]["accuracy"]
            assert (own - other) / len(saved["label"]) == pytest.approx(lead)
            answers = [saved[f"{who}_logits"].argmax(-1) for who in ("student", role)]
            assert own == ((answers[0] == saved["label"]) & (answers[1] != saved["label"])).sum()


def test_the_reported_figures_are_those_of_the_saved_models(finished_run):

    report, workdir = finished_run
    student = keras.models.load_model(workdir / "student.keras")
    teacher = keras.models.load_model(workdir / "teacher.keras")
    images = data.evaluation_dataset("digits", "test[:50]", 50, 8, full_image=True)
    found = fidelity(student, teacher, images)
    assert found["student_accuracy"] == pytest.approx(report["student"]["accuracy"])
    assert found["teacher_accuracy"] == pytest.approx(report["teacher"]["accuracy"])
    assert found["agreement"] == pytest.approx(report["fidelity"]["agreement"])
    assert found["kl"] == pytest.approx(report["fidelity"]["kl"], rel=1e-4)

"""A student beside its teacher, against SciPy and scikit-learn in float64."""

import keras
import numpy as np
import pytest
from scipy.special import rel_entr, softmax
from sklearn import metrics

from keras_kd import evaluation
from keras_kd.evaluation import fidelity
from keras_kd.evaluation.table import table
from keras_kd.teachers import Ensemble
from keras_kd.teachers.frozen import freeze


def echo(num_classes):
    """A model that answers with what it sees."""
    inputs = keras.Input((num_classes,))
    return keras.Model(inputs, keras.layers.Lambda(lambda x: x * 1.0)(inputs))


def linear(num_inputs, num_classes, seed, name=None):
    inputs = keras.Input((num_inputs,))
    start = keras.initializers.RandomNormal(stddev=1.0, seed=seed)
    outputs = keras.layers.Dense(num_classes, kernel_initializer=start)(inputs)
    return keras.Model(inputs, outputs, name=name)


def drawn(num_classes, count=101, seed=0):
    """Random logits of a teacher and a student that follows it, and labels."""
    rng = np.random.default_rng(seed)
    t = rng.normal(0, 3, (count, num_classes)).astype("float32")
    s = (t + rng.normal(0, 2, t.shape)).astype("float32")
    return t, s, rng.integers(0, num_classes, count)


def batched(t, s, labels, cuts):
    rows = np.split(np.arange(len(t)), cuts)
    return [({"teacher": t[r], "student": s[r]}, labels[r]) for r in rows]


def expected(t, s, labels):
    """All figures of one teacher, from other libraries in float64."""
    t, s = t.astype("float64"), s.astype("float64")
    classes = range(t.shape[1])
    found = {
        "kl": rel_entr(softmax(t, -1), softmax(s, -1)).sum(-1).mean(),
        "l2": np.linalg.norm(t - s, axis=-1).mean(),
        "agreement": metrics.accuracy_score(t.argmax(-1), s.argmax(-1)),
        "agreement_top5": metrics.top_k_accuracy_score(t.argmax(-1), s, k=5, labels=classes),
    }
    for role, logits in (("student", s), ("teacher", t)):
        answers = logits.argmax(-1)
        found[f"{role}_accuracy"] = metrics.accuracy_score(labels, answers)
        found[f"{role}_ece"] = evaluation.expected_calibration_error(labels, logits)
        found[f"{role}_per_class"] = metrics.recall_score(
            labels, answers, average=None, labels=classes, zero_division=np.nan
        )
    return found


def assert_close(found, wanted, rel=1e-5):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        mine = found[name]
        if name.endswith("per_class"):
            mine = [np.nan if share is None else share for share in mine]
        np.testing.assert_allclose(mine, value, rtol=rel, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("num_classes", [6, 40])
def test_all_figures_equal_other_libraries(num_classes):
    t, s, labels = drawn(num_classes)
    labels[labels == 3] = 4  # a class without examples
    found = fidelity(echo(num_classes), echo(num_classes), batched(t, s, labels, [64]))
    assert_close(found, expected(t, s, labels))
    assert found["student_per_class"][3] is None and len(found["student_per_class"]) == num_classes
    assert 0 < found["agreement"] < found["agreement_top5"] <= 1


@pytest.mark.parametrize("cuts", [[1, 2, 50], [100], list(range(1, 101))])
def test_it_does_not_matter_how_the_data_are_batched(cuts):
    t, s, labels = drawn(12)
    model = echo(12)
    whole = fidelity(model, model, batched(t, s, labels, []))
    assert_close(fidelity(model, model, batched(t, s, labels, cuts)), whole, rel=1e-6)


def test_a_student_that_is_its_teacher():
    t, _, labels = drawn(8)
    found = fidelity(echo(8), echo(8), batched(t, t, labels, [50]))
    assert found["kl"] == pytest.approx(0, abs=1e-6) and found["l2"] == 0
    assert found["agreement"] == found["agreement_top5"] == 1
    assert found["student_per_class"] == found["teacher_per_class"]


def test_few_classes_have_no_top_five_and_no_labels_no_accuracy():
    t, s, labels = drawn(5)
    model = echo(5)
    assert "agreement_top5" not in fidelity(model, model, batched(t, s, labels, []))
    alone = [x for x, _ in batched(t, s, labels, [7])]
    assert fidelity(model, model, alone).keys() == {"kl", "l2", "agreement"}


@pytest.mark.parametrize("form", ["column", "mixed"])
def test_labels_in_either_form(form):
    t, s, labels = drawn(6)
    model = echo(6)
    whole = fidelity(model, model, batched(t, s, labels, []))
    given = labels[:, None] if form == "column" else 0.7 * np.eye(6)[labels] + 0.05
    assert fidelity(model, model, batched(t, s, given, [])) == whole


def test_an_ensemble_and_each_of_its_members():
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(30, 4)).astype("float32"), rng.integers(0, 7, 30)
    data = [(x[:20], labels[:20]), (x[20:], labels[20:])]
    student, one, two = linear(4, 7, 0), linear(4, 7, 1, "one"), linear(4, 7, 2, "two")
    ensemble = Ensemble([one, two], weights=[1, 3])
    found = fidelity(student, ensemble, data)
    members = found.pop("members")
    assert list(members) == ["one", "two"]
    s, *each = (np.asarray(model(x), "float64") for model in (student, one, two))
    mean = 0.25 * softmax(each[0], -1) + 0.75 * softmax(each[1], -1)
    assert_close(found, expected(np.log(mean), s, labels), rel=1e-4)
    for name, logits in zip(members, each):
        wanted = expected(logits, s, labels)
        own = {key: value for key, value in wanted.items() if not key.startswith("student")}
        assert_close(members[name], own, rel=1e-4)
    # Computed once, the ensemble's answers serve for every student.
    answers = evaluation.teacher_answers(ensemble, data)
    again = fidelity(student, ensemble, data, answers)
    assert again == {**found, "members": members}
    rows = table([{"step": 12, **found, "members": members}]).splitlines()
    assert [row.split("  ")[0] for row in rows[2:]] == ["step 12", "", ""]
    assert f"{found['agreement']:.2%}".replace("%", " %") in rows[2]


def test_members_that_share_a_name_are_told_apart():
    ensemble = Ensemble([linear(4, 3, 1, "same"), linear(4, 3, 2, "same"), linear(4, 3, 3, "own")])
    data = [np.ones((2, 4), "float32")]
    found = fidelity(linear(4, 3, 0), ensemble, data)
    assert list(found["members"]) == ["teacher1/same", "teacher2/same", "own"]


def test_a_frozen_teacher_is_compared_as_the_one_it_is_made_of():
    teacher = keras.Sequential(
        [keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(6)]
    )
    student = keras.models.clone_model(teacher)
    x = np.random.default_rng(0).uniform(-1, 1, (8, 6, 6, 1)).astype("float32")
    frozen = freeze(teacher, engine="graph")
    assert_close(fidelity(student, frozen, [x]), fidelity(student, teacher, [x]))


def test_bad_input_is_refused():
    t, s, labels = drawn(6)
    six = echo(6)
    with pytest.raises(ValueError, match="no batches"):
        fidelity(None, None, [])
    with pytest.raises(ValueError, match=r"teacher \(2, 5\), student \(2, 6\)"):
        fidelity(six, linear(6, 5, 0), [s[:2]])
    broken = s.copy()
    broken[3, 2] = np.nan
    with pytest.raises(ValueError, match="1 values of the student"):
        fidelity(six, six, batched(t, broken, labels, []))
    with pytest.raises(ValueError, match=r"0 to 5\. Received: labels from 0 to 6"):
        fidelity(six, six, batched(t, s, labels + (labels == 5), []))
    data = batched(t, s, labels, [50])
    answers = evaluation.teacher_answers(six, data)
    for other in (data[:1], [*data, data[0]]):
        with pytest.raises(ValueError, match="answers on 2 batches"):
            fidelity(six, six, other, answers)

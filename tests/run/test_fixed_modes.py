"""Runs under the modes fix/*: their targets, restarts, and what is refused."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tiny_run import tiny_run
from tiny_stage import stop_after

from keras_kd.config import stage
from keras_kd.data import FixedViews
from keras_kd.run import Experiment, profiling, targets
from keras_kd.run import story as run
from keras_kd.run.teach import teach
from keras_kd.teachers.fixed import files as fixed_files
from keras_kd.teachers.fixed import targets as fixed
from keras_kd.training import log as metrics_log

REPOSITORY = Path(__file__).resolve().parents[2]
MODES = ("fix/rs", "fix/ic_ens")  # one view, and the mean of several; fix/cc is the first's kin


def tiny(**changes):
    """Fixed targets of a teacher that has seen central crops, and no baseline."""
    own = {"teacher.train.learning_rate": 0.03, "baseline.enabled": False}
    own |= {"teacher.train.mode": "fix/cc", "distil.mode": "fix/ic_ens", "distil.fix_crops": 5}
    return tiny_run(**{**own, **changes})


def student_of(workdir):
    """(the student's weights, the losses and results that were logged)."""
    weights = keras.models.load_model(workdir / "student.keras").get_weights()
    lines = metrics_log.logged(Path(workdir) / "metrics.jsonl", "distil")
    return weights, [
        {name: value for name, value in line.items() if name.startswith(("loss", "val_"))}
        for line in lines
    ]


def assert_equal(one, other):
    for a, b in zip(one[0], other[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert one[1] == other[1]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Workdir of a run of each mode, all with the first one's teacher."""
    home = tmp_path_factory.mktemp("finished")
    for mode in MODES:
        run.run(of_mode(mode, home), home / mode.replace("/", "_"))
    return home


def of_mode(mode, home):
    """The config of one of these runs: the first one trains the teacher."""
    handle = "" if mode == MODES[0] else str(home / "fix_rs" / "teacher.keras")
    return tiny(**{"distil.mode": mode, "teacher.handle": handle})


@pytest.mark.parametrize("mode", [*MODES, pytest.param("fix/cc", marks=pytest.mark.slow)])
def test_the_student_learns_from_stored_targets_of_its_teacher(finished, mode):
    """What the run trains on, batch by batch: the teacher's answer to its own view."""
    name = mode.replace("/", "_")
    teacher = keras.models.load_model(finished / "fix_rs" / "teacher.keras")
    config = of_mode(mode, finished)
    run.run(config, finished / name)  # which has nothing to do but for fix/cc
    experiment = Experiment(config, finished / name)
    streams, stage = experiment.streams, experiment.last
    assert [path.name for path in (experiment.path / "targets").glob("*.npz")] == [f"{name}.npz"]
    found = targets.get_targets(experiment, stage, teacher, teacher)
    data, until = streams.with_targets(stage, found).train(0, 6)
    assert until == 6
    views = FixedViews(streams.source, "train[:64]", mode, 8, crops=5)
    answers = [
        tf.nn.softmax(teacher(views.at(range(64), number), training=False)).numpy()
        for number in range(views.crops)
    ]
    mean = dict(zip(views.examples.ids.tolist(), np.mean(answers, axis=0), strict=True))
    for x, _ in data.take(6).as_numpy_iterator():
        want = [mean[one] for one in x["id"].tolist()]
        np.testing.assert_allclose(tf.nn.softmax(x["teacher_logits"]), want, atol=1e-5)
    line = metrics_log.logged(finished / name / "metrics.jsonl", "distil")[-1]
    assert line["step"] == 6 and np.isfinite(line["loss"])
    assert 0 <= line["val_agreement"] <= 1 and line["val_kl"] > 0  # of the live teacher


def test_modes_train_other_students(finished):
    losses = [student_of(finished / mode.replace("/", "_"))[1][0]["loss"] for mode in MODES]
    assert len(set(losses)) == len(MODES)


@pytest.mark.slow
@pytest.mark.parametrize("stopped_in", ["targets", "distil"])
def test_a_stopped_run_ends_as_if_it_had_not_been(
    finished, tmp_path, monkeypatch, stopped_in, logged
):
    config = tiny(**{"teacher.handle": str(finished / "fix_rs" / "teacher.keras")})
    with monkeypatch.context() as patched:
        if stopped_in == "targets":
            shown = fixed.compute

            def stop(average, views, teach, batch_size, keep, keep_every):
                def once():
                    keep()
                    raise KeyboardInterrupt

                shown(average, views, teach, batch_size, once, 0.0)

            patched.setattr(fixed, "compute", stop)
        else:
            stop_after(patched)
        with pytest.raises(KeyboardInterrupt):
            run.run(config, tmp_path)
    told = []
    computed = fixed.compute
    monkeypatch.setattr(fixed, "compute", lambda *a: told.append("computed") or computed(*a))
    run.run(config, tmp_path, progress=told.append)
    assert ("computed" in told) == (stopped_in == "targets")
    assert any("goes on from" in line for line in told + logged())
    assert_equal(student_of(tmp_path), student_of(finished / "fix_ic_ens"))


@pytest.mark.slow
def test_students_share_a_folder_of_targets(finished, tmp_path, monkeypatch):
    """Of another length, label loss and size, with several steps an execution."""
    monkeypatch.setattr(fixed, "compute", None)  # would fail
    changes = {
        "teacher.handle": str(finished / "fix_rs" / "teacher.keras"),
        "fixed_targets": str(finished / "fix_ic_ens" / "targets"),
        "distil.total": "8 steps",
        "distil.label_weight": 0.5,
        "steps_per_execution": 2,
        "data.resolution": 12,
        "data.teacher_resolution": 8,
    }
    run.run(tiny(**changes), tmp_path)
    line = metrics_log.logged(tmp_path / "metrics.jsonl", "distil")[-1]
    assert line["step"] == 8 and {"labels", "soft_targets"} <= line.keys()
    assert not (tmp_path / "targets").exists()


def test_the_other_stages_see_what_a_student_would():
    """Labels teach teacher and baseline: in the view of fix/cc, which is that of same/rc."""
    experiment, seen = Experiment(tiny()), []
    for mode in ("fix/cc", "same/rc"):
        teacher = experiment.stages[0]._replace(settings=stage(mode=mode))
        stream, _ = experiment.streams.for_labels(teacher)
        seen.append(list(stream(3, 6)[0].take(2).as_numpy_iterator()))
    for (x, y), (image, label) in zip(*seen, strict=True):
        np.testing.assert_array_equal(x["student"], image)
        np.testing.assert_array_equal(y, label)


@pytest.mark.parametrize(
    "changes,difference",
    [
        ({"distil.fix_crops": 6}, "views.crops: 5 there, 6 here"),
        ({"seed": 1}, "seed: 0 there, 1 here"),
        ({"data.train_split": "train[:65]"}, "data.examples: 64 there, 65 here"),
        ({"data.teacher_resolution": 9}, "views.teacher_resolution: 8 there, 9 here"),
    ],
)
def test_targets_of_another_run_are_refused_before_the_first_step(
    finished, tmp_path, changes, difference
):
    """With a teacher that has yet to be trained: that, too, would come later."""
    folder = str(finished / "fix_ic_ens" / "targets")
    with pytest.raises(ValueError, match=f"of another run. Differences: .*{difference}") as error:
        run.run(tiny(fixed_targets=folder, **changes), tmp_path)
    assert "teacher.weights" not in str(error.value)
    assert not (tmp_path / "checkpoints").exists()


def test_targets_of_another_teacher_are_refused(finished, tmp_path):
    teacher = keras.models.load_model(finished / "fix_rs" / "teacher.keras")
    kernel = teacher.weights[0]
    kernel.assign(np.nextafter(kernel.numpy(), 2, dtype="float32"))
    teacher.save(tmp_path / "other.keras")
    changes = {"teacher.handle": str(tmp_path / "other.keras")}
    changes |= {"fixed_targets": str(finished / "fix_ic_ens" / "targets")}
    with pytest.raises(ValueError, match=r"Differences: teacher\.weights: '\w+' there, '\w+' her"):
        run.run(tiny(**changes), tmp_path / "b")
    assert not (tmp_path / "b" / "checkpoints").exists()


def test_targets_of_another_teacher_are_refused_when_the_runs_own_has_learned(finished, tmp_path):
    """And before the baseline, which could take as long as the student."""
    folder = str(finished / "fix_ic_ens" / "targets")
    changes = {"baseline.enabled": True, "teacher.train.learning_rate": 0.02}
    with pytest.raises(ValueError, match=r"Differences: teacher\.weights: '\w+' there, '\w+' her"):
        run.run(tiny(fixed_targets=folder, **changes), tmp_path)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["teacher"]
    assert not metrics_log.logged(tmp_path / "metrics.jsonl", "baseline")


def leave_partial(folder, **changes):
    """What a computation of tiny()'s targets leaves that was stopped after one image of 64."""
    experiment = Experiment(tiny())
    views = experiment.streams.fixed_views(experiment.last)
    arrays = {"targets": np.zeros((1, 10), "f4"), "sum": np.zeros(10), "seen": np.int64(5)}
    arrays |= {"ids": views.examples.ids, "probe": np.zeros((64, 10), "f4")}
    path = Path(folder) / "fix_ic_ens.partial.npz"
    fixed_files.write(path, fixed.fingerprint(views) | changes, arrays, 16)
    return path


def assert_refused_first(error, message, workdir, **changes):
    """By a run whose teacher has yet to learn, in one sentence, before the first step."""
    with pytest.raises(error, match=message):
        run.run(tiny(**changes), workdir)
    assert not (workdir / "checkpoints").exists()


def test_a_partial_file_of_another_run_is_refused_before_the_first_step(tmp_path):
    path = leave_partial(tmp_path / "shared", seed=3)
    kept = path.read_bytes()
    message = r"fix_ic_ens\.partial\.npz are of another run\. Differences: seed: 3 there, 0 here"
    assert_refused_first(ValueError, message, tmp_path / "a", fixed_targets=str(path.parent))
    assert path.read_bytes() == kept


def test_a_damaged_partial_file_is_refused_before_the_first_step(tmp_path):
    path = leave_partial(tmp_path / "shared")
    path.write_bytes(path.read_bytes()[:-100])
    message = r"fix_ic_ens\.partial\.npz is damaged, .* Delete the file"
    assert_refused_first(ValueError, message, tmp_path / "a", fixed_targets=str(path.parent))


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_refused_before_the_first_step(tmp_path, place):
    (tmp_path / "file").touch()
    folder = tmp_path / place
    message = f"Received: config.fixed_targets={folder} .* or give another config.fixed_targets"
    assert_refused_first(OSError, message, tmp_path / "a", fixed_targets=str(folder))
    # Where the key is empty, it is the working directory that is to be another.
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "targets").touch()
    message = f"Received: {tmp_path / 'b' / 'targets'} of the --workdir .* give another --workdir"
    assert_refused_first(OSError, message, tmp_path / "b")


def test_a_partial_file_of_another_teacher_is_refused_when_the_runs_own_is_known(tmp_path):
    """And before the baseline, which could take as long as the student."""
    experiment = Experiment(tiny(fixed_targets=str(tmp_path)), tmp_path / "a")
    leave_partial(tmp_path, **{"teacher.weights": "others"})
    targets.check_targets(experiment, experiment.last)
    teacher = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    teacher.add(keras.layers.Dense(10))
    with pytest.raises(ValueError, match=r"Differences: .*teacher\.weights: 'others' there"):
        targets.check_targets(experiment, experiment.last, teacher)


def test_a_worker_that_leaves_files_to_the_chief_makes_no_folder(tmp_path, monkeypatch):
    chief = Experiment(tiny(fixed_targets=str(tmp_path / "shared")), tmp_path / "a")
    with monkeypatch.context() as patch:
        patch.setattr(Experiment, "writes", False)
        targets.check_targets(chief, chief.last)
    assert not (tmp_path / "shared").exists()
    targets.check_targets(chief, chief.last)
    assert not list((tmp_path / "shared").iterdir())


@pytest.mark.parametrize(
    "changes,methods,message",
    [
        ({"distil.mode": "fix/ic-ens"}, None, "mode='fix/ic-ens'.*Did you mean 'fix/ic_ens'"),
        (
            {"distil.mode": "fix/cc"},
            {"hint": {"student_taps": ["stage2"], "teacher_taps": ["stage2"]}},
            r"distil\.mode must be one in which the teacher runs: the method 'hint'.*fix/cc",
        ),
        ({}, {"logit_l2": {}}, "'logit_l2' needs the teacher's logits themselves, and a mean"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, changes, methods, message):
    config = tiny(**changes)
    if methods:
        config.distil.methods = methods
    with pytest.raises(ValueError, match=message):
        run.run(config, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_teacher_cache_is_refused_and_not_filled(tmp_path):
    refusal = pytest.raises(
        ValueError, match=r"config\.teacher_cache must be empty: under mode 'fi"
    )
    with refusal:
        run.run(tiny(teacher_cache=str(tmp_path)), tmp_path / "a")
    with refusal:
        teach(tiny(), tmp_path / "b")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_logits_themselves_serve_methods_that_need_them(finished, tmp_path):
    handle = str(finished / "fix_rs" / "teacher.keras")
    config = tiny(**{"distil.mode": "fix/rs", "teacher.handle": handle})
    config.distil.methods = {"logit_l2": {}}
    run.run(config, tmp_path)
    assert "logit_l2" in metrics_log.logged(tmp_path / "metrics.jsonl", "distil")[-1]


def test_a_profile_computes_no_targets(tmp_path, monkeypatch):
    monkeypatch.setattr(fixed, "compute", None)
    monkeypatch.setattr(profiling, "_TRACED", 1)
    assert profiling.profile(tiny(), tmp_path, num_steps=2)["steps"] == 2
    assert not (tmp_path / "targets").exists()


@pytest.mark.slow
def test_the_figure_shows_every_mode(tmp_path):
    """By the command: its flags must not meet those of other tests."""
    path = tmp_path / "images" / "modes.png"
    command = [sys.executable, "benchmarks/modes_figure.py", f"--output={path}"]
    command += ["--resolution=8", "--images=2", "--noflip"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 0, done.stderr
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L"))
    # Nine rows of pictures: none is empty.
    for part in np.array_split(pixels, 9):
        assert part[:, part.shape[1] // 4 :].std() > 20

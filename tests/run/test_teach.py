"""Targets computed once: the command, and that a student learns the same from them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tiny_run import tiny_run

from keras_kd.run import Experiment
from keras_kd.run import story as run
from keras_kd.run.teach import step_range, teach
from keras_kd.teachers.cache.store import TeacherCache
from keras_kd.training.lengths import Lengths
from keras_kd.training.stage import Stage

REPOSITORY = Path(__file__).resolve().parents[2]


def tiny(**changes):
    """Eight steps of distillation in two intervals, and no baseline."""
    own = {"teacher.train.learning_rate": 0.03, "baseline.enabled": False}
    return tiny_run(8, **{**own, **changes})


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """A finished run with a live teacher: its workdir."""
    workdir = tmp_path_factory.mktemp("live")
    run.run(tiny(), workdir)
    return workdir


@pytest.fixture(scope="module")
def epoch(live, tmp_path_factory):
    """Cache of the first epoch's targets, to be read only."""
    cache = tmp_path_factory.mktemp("epoch") / "cache"
    teach(tiny(), live, "0:1", str(cache))
    return cache


def student_of(live, workdir, **changes):
    """Distils from the same teacher again: see `trained`."""
    config = tiny(**{"teacher.handle": str(live / "teacher.keras"), **changes})
    run.run(config, workdir)
    return trained(workdir)


def trained(workdir):
    """A run's student: (its weights, the log of its distillation without timings)."""
    weights = keras.models.load_model(workdir / "student.keras").get_weights()
    logged = map(json.loads, (workdir / "metrics.jsonl").read_text().splitlines())
    timings = ("seconds", "first_step_seconds", "images_per_second")
    return weights, [
        {name: value for name, value in line.items() if name not in timings}
        for line in logged
        if line["stage"] == "distil"
    ]


def assert_equal(one, other):
    for a, b in zip(one[0], other[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert one[1] == other[1]


@pytest.mark.parametrize(
    ("epochs", "changes"),
    [
        pytest.param(":", {}, marks=pytest.mark.slow),
        ("0.5:1", {}),  # steps 2 and 3 of 8: live, cached, live within one interval
        pytest.param(":1", {"steps_per_execution": 2}, marks=pytest.mark.slow),
    ],
)
def test_float32_targets_train_the_same_student_to_the_bit(live, tmp_path, epochs, changes):
    config = tiny(**changes)
    if changes:
        run.run(config, tmp_path / "live")
    expected = trained(tmp_path / "live" if changes else live)
    home = tmp_path / "live" if changes else live
    cache = str(tmp_path / "cache")
    done = teach(config, home, epochs, cache, "float32", steps_per_shard=2)
    assert done["images"] == 16 * {":": 8, "0.5:1": 2, ":1": 4}[epochs]
    assert_equal(student_of(home, tmp_path / "b", teacher_cache=cache, **changes), expected)


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"distil.mode": "ind/ic"}, {"data.teacher_resolution": 12}])
def test_a_teacher_with_a_view_of_its_own(live, tmp_path, changes):
    run.run(tiny(**changes), tmp_path / "live")
    cache = str(tmp_path / "cache")
    teach(tiny(**changes), tmp_path / "live", ":", cache, "float32")
    found = student_of(tmp_path / "live", tmp_path / "cached", teacher_cache=cache, **changes)
    assert_equal(found, trained(tmp_path / "live"))


def test_a_run_reads_its_targets_out_of_the_cache(live, tmp_path, monkeypatch):
    """Targets of another teacher, slipped in behind the checks, train another student."""
    cache = TeacherCache(teach(tiny(), live, ":", tmp_path / "cache", "float32")["path"])
    logits = cache.read(0)["logits"]
    cache.write(0, logits[..., ::-1])
    changes = {"teacher_cache": str(cache.path)}
    with pytest.raises(ValueError, match=r"at step 0 the probability .* differs by 0\.[1-9]"):
        student_of(live, tmp_path / "refused", **changes)
    assert not (tmp_path / "refused" / "checkpoints").exists()
    monkeypatch.setattr("keras_kd.teachers.spot_check.LARGEST_GAP", 1.0)
    weights, _ = student_of(live, tmp_path / "other", **changes)
    assert any((a != b).any() for a, b in zip(weights, trained(live)[0]))


def assert_nearly_equal(one, other):
    """Apart by what rounding to float16 does in eight steps, which is not nothing."""
    loss = pytest.approx(other[1][-1]["loss"], rel=1e-3)
    assert one[1][-1]["loss"] == loss and one[1][-1]["loss"] != other[1][-1]["loss"]
    assert max(np.abs(a - b).max() for a, b in zip(one[0], other[0], strict=True)) < 1e-3


@pytest.mark.slow
def test_rounded_targets_train_nearly_the_same_student(live, tmp_path):
    cache = str(tmp_path / "cache")
    teach(tiny(), live, ":", cache, "float16")
    assert_nearly_equal(student_of(live, tmp_path / "b", teacher_cache=cache), trained(live))


def spread(logits, kept):
    """Log-probabilities of which all but the `kept` largest share their mass evenly."""
    p = np.exp(logits.astype("float64"))
    p /= p.sum(axis=-1, keepdims=True)
    is_rest = p < np.sort(p, axis=-1)[..., -kept, np.newaxis]
    rest = np.where(is_rest, p, 0).sum(axis=-1, keepdims=True) / (p.shape[-1] - kept)
    return np.log(np.where(is_rest, rest, p)).astype("float32")


@pytest.mark.slow  # test_cache_codec has what a cache of the largest classes gives
def test_the_largest_classes_train_the_student_that_spread_targets_train(live, tmp_path):
    exact = TeacherCache(teach(tiny(), live, ":", tmp_path / "exact", "float32")["path"])
    for shard in exact.shards():
        exact.write(shard, spread(exact.read(shard)["logits"], kept=3))
    expected = student_of(live, tmp_path / "a", teacher_cache=str(exact.path))
    teach(tiny(), live, ":", tmp_path / "top", top_k=3)
    found = student_of(live, tmp_path / "b", teacher_cache=str(tmp_path / "top"))
    assert_nearly_equal(found, expected)
    # Seven classes share what is left: that is another target than the live teacher's.
    assert found[1][-1]["loss"] != pytest.approx(trained(live)[1][-1]["loss"], rel=0.01)


@pytest.mark.slow
def test_students_of_another_size_and_schedule_share_a_cache(live, tmp_path):
    cache = str(tmp_path / "cache")
    teach(tiny(), live, ":", cache)
    changes = {"data.resolution": 12, "data.teacher_resolution": 8, "distil.total": "12 steps"}
    _, logged = student_of(live, tmp_path / "b", teacher_cache=cache, **changes)
    assert logged[-1]["step"] == 12 and np.isfinite(logged[-1]["loss"])


@pytest.mark.slow
def test_the_trained_teacher_may_come_from_teach(live, tmp_path):
    """keras-kd-teach trains it, the run goes on with it and may name the cache later."""
    teach(tiny(), tmp_path, ":", dtype="float32")
    assert not (tmp_path / "checkpoints" / "distil").exists()
    run.run(tiny(teacher_cache=str(tmp_path / "teacher_cache")), tmp_path)
    assert_equal(trained(tmp_path), trained(live))


@pytest.mark.parametrize(
    ("changes", "differences"),
    [
        ({"seed": 1}, ["seed: 0 there, 1 here"]),
        ({"batch_size": 8}, ["batch_size: 16 there, 8 here"]),
        ({"data.flip": False}, ["views.flip: True there, False here"]),
        ({"distil.mode": "same/ic"}, ["views.mode: 'mix' there, 'same/ic' here"]),
        (
            {"data.train_split": "train[:80]"},
            ["data.split: 'train[:64]' there, 'train[:80]' here", "data.examples: 64 there"],
        ),
    ],
)
def test_a_cache_of_another_run_is_refused_before_the_first_step(
    live, epoch, tmp_path, changes, differences
):
    cache = str(epoch)
    # With a teacher that has yet to be trained: that, too, would come later.
    with pytest.raises(ValueError, match="is of another run") as error:
        run.run(tiny(teacher_cache=cache, **changes), tmp_path / "b")
    assert all(difference in str(error.value) for difference in differences)
    assert "teacher" not in str(error.value).replace("teacher_cache", "").split("Diff")[1]
    assert not (tmp_path / "b" / "checkpoints").exists()
    with pytest.raises(ValueError, match="is of another run"):
        teach(tiny(**changes), tmp_path / "c", "0:1", cache)
    assert not (tmp_path / "c" / "checkpoints").exists()


def write_bitmaps(folder, negative):
    for i in range(48):
        image = np.random.default_rng(i).integers(0, 256, (8, 8, 3), np.uint8)
        path = folder / "train" / f"class{i % 2}" / f"{i}.bmp"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 - image if negative else image).save(path)


def test_a_cache_of_other_pixels_under_the_same_names_is_refused(tmp_path):
    """Also where the teacher has learned next to nothing, and says the same about both."""
    write_bitmaps(tmp_path / "images", negative=False)
    config = {"data.source": f"folder:{tmp_path}/images", "data.train_split": "train"}
    config |= {"data.eval_split": "train[:16]", "teacher.train.learning_rate": 1e-9}
    cache = str(tmp_path / "cache")
    teach(tiny(**config), tmp_path / "a", "0:1", cache)
    write_bitmaps(tmp_path / "images", negative=True)
    config |= {"teacher.handle": str(tmp_path / "a" / "teacher.keras"), "teacher_cache": cache}
    with pytest.raises(ValueError, match=r"Differences: data\.images: '\w+' there, '\w+' here\. "):
        run.run(tiny(**config), tmp_path / "b")
    assert not (tmp_path / "b" / "checkpoints").exists()


def test_a_file_of_another_framework_teaches_through_a_cache_as_it_does_live(tmp_path):
    from onnx_files import logits_of, write

    write_bitmaps(tmp_path / "images", negative=False)
    path = write(tmp_path / "teacher.onnx", classes=2)
    config = {"data.source": f"folder:{tmp_path}/images", "data.train_split": "train"}
    config |= {"data.eval_split": "train[:16]", "teacher.handle": f"onnx:{path}"}
    config |= {"teacher.normalization": "imagenet"}
    cache = str(tmp_path / "cache")
    teach(tiny(**config), tmp_path / "a", "0:1", cache, dtype="float32")
    experiment = Experiment(tiny(**config), tmp_path / "b")
    images, _ = experiment.streams.for_teacher(experiment.last)
    pixels = (np.asarray(next(iter(images(0))), "float64") + 1) / 2
    values = (pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    stored = TeacherCache(cache).read(0)["logits"][0]
    np.testing.assert_allclose(stored, logits_of(values)[:, :2], atol=1e-4)
    run.run(tiny(**config, teacher_cache=cache), tmp_path / "b")
    assert json.loads((tmp_path / "b" / "report.json").read_text())["teacher"]["name"] == (
        f"onnx:{path}"
    )


def test_the_targets_of_another_teacher_are_refused(live, tmp_path):
    cache = str(tmp_path / "cache")
    teach(tiny(), live, "0:1", cache)
    teacher = keras.models.load_model(live / "teacher.keras")
    kernel = teacher.weights[0]
    kernel.assign(np.nextafter(kernel.numpy(), 2, dtype="float32"))
    teacher.save(tmp_path / "other.keras")
    config = tiny(**{"teacher.handle": str(tmp_path / "other.keras"), "teacher_cache": cache})
    with pytest.raises(ValueError, match=r"Differences: teacher\.weights: '\w+' there, '\w+' her"):
        run.run(config, tmp_path / "b")
    # One that the run itself trains is compared when it has learned, before the baseline.
    changes = {"teacher.train.learning_rate": 0.02, "baseline.enabled": True}
    with pytest.raises(ValueError, match=r"Differences: teacher\.weights: '\w+' there, '\w+' her"):
        run.run(tiny(teacher_cache=cache, **changes), tmp_path / "c")
    assert [path.name for path in (tmp_path / "c" / "checkpoints").iterdir()] == ["teacher"]


def test_methods_that_tap_the_teacher_are_refused(tmp_path):
    config = tiny()
    config.distil.label_weight = 0.1
    config.distil.methods = {"hint": {"student_taps": ["stage2"], "teacher_taps": ["stage2"]}}
    refusal = pytest.raises(ValueError, match=r"config\.teacher_cache must be empty: .* 'hint'")
    with refusal:
        teach(config, tmp_path)
    config.teacher_cache = str(tmp_path)
    with refusal:
        run.run(config, tmp_path / "b")


@pytest.mark.parametrize("method", ["relational_kd", "logit_l2"])
def test_the_largest_classes_alone_are_refused_for_methods_that_need_logits(live, tmp_path, method):
    cache = str(tmp_path / "cache")
    teach(tiny(), live, "0:1", cache, top_k=3)
    config = tiny(teacher_cache=cache)
    config.distil.methods = {method: {}}
    refusal = pytest.raises(ValueError, match=f"'{method}' needs the logits.*top_k=3")
    with refusal:
        run.run(config, tmp_path / "b")
    with refusal:
        teach(config, tmp_path / "c", top_k=3)
    assert not list(tmp_path.glob("*/checkpoints"))


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"top_k": 3}, "top_k: 0 there, 3 here"),
        ({"dtype": "float32"}, "dtype: 'float16' there, 'float32' here"),
        ({"steps_per_shard": 3}, "steps_per_shard: 64 there, 3 here"),
    ],
)
def test_another_layout_is_refused_before_the_teacher_is_trained(
    live, tmp_path, options, difference
):
    cache = str(tmp_path / "cache")
    teach(tiny(), live, "0:1", cache)
    with pytest.raises(ValueError, match=difference):
        teach(tiny(), tmp_path / "c", "0:1", cache, **options)
    assert not (tmp_path / "c" / "checkpoints").exists()


def test_a_folder_that_cannot_be_written_is_refused_before_the_teacher_is_trained(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Not a directory"):
        teach(tiny(), tmp_path / "c", "0:1", tmp_path / "file" / "cache")
    assert not (tmp_path / "c" / "checkpoints").exists()


def test_determinism_is_asked_for_by_teach_too(tmp_path, monkeypatch):
    asked = []
    experimental = tf.config.experimental
    monkeypatch.setattr(experimental, "enable_op_determinism", lambda: asked.append(True))
    for deterministic in (False, True):
        with pytest.raises(ValueError, match="epochs must be A:B"):
            teach(tiny(deterministic=deterministic), tmp_path, "2:1")
    assert asked == [True]


def test_a_run_that_trains_the_teacher_keeps_others_from_it(tmp_path, monkeypatch):
    from keras_kd.utils import locks

    class Inside(Exception):
        pass

    def second(*args):
        raise Inside

    def train(*args, **kwargs):
        monkeypatch.setattr(locks._logger, "info", second)  # what one says who waits
        with locks.exclusive(tmp_path / "w"):
            pass

    monkeypatch.setattr(Stage, "train", train)
    with pytest.raises(Inside):
        run.run(tiny(), tmp_path / "w")
    with locks.exclusive(tmp_path / "w"):
        pass  # given back


def test_a_cache_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"Received: .*nowhere, which is not there\. Run keras-kd"):
        run.run(tiny(teacher_cache=str(tmp_path / "nowhere")), tmp_path / "b")


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [(":", (0, 8)), ("0:1", (0, 4)), ("1:", (4, 8)), (":1.5", (0, 6)), ("1:3", (4, 12))],
)
def test_epochs_are_steps_of_the_distillation(epochs, expected):
    assert step_range(epochs, tiny().distil, Lengths(64, 16)) == expected


@pytest.mark.parametrize("epochs", ["", "3", "a:b", "-1:2", "2:1", "1:1", "9:", "1:2:3"])
def test_epochs_that_are_none_are_refused(epochs):
    with pytest.raises(ValueError, match="epochs must be A:B") as error:
        step_range(epochs, tiny().distil, Lengths(64, 16))
    assert f"epochs={epochs!r}" in str(error.value)


CONFIG = """
import sys
sys.path.insert(0, {tests!r})
from tiny_run import tiny_run


def get_config():
    changes = {{"teacher.train.learning_rate": 0.03, "baseline.enabled": False}}
    return tiny_run(8, **changes)
"""


@pytest.fixture
def start(tmp_path):
    """A function that starts keras-kd-teach on the tiny config: the process."""
    config = tmp_path / "config.py"
    config.write_text(CONFIG.format(tests=str(REPOSITORY / "tests")))

    def start(*arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "keras_kd.commands.teach", f"--config={config}", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )

    return start


@pytest.mark.slow  # test_cache has two writers in one process
def test_two_commands_train_one_teacher_and_share_the_shards(start, tmp_path):
    arguments = (f"--workdir={tmp_path / 'w'}", "--epochs=:20", "--steps_per_shard=1")
    both = [start(*arguments) for _ in range(2)]
    told = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    computed = [int(out.split("Computed here: ")[1].split()[0].replace(",", "")) for out, _ in told]
    assert sum(computed) == 80 * 16
    assert all("24 bytes per image and epoch" in out for out, _ in told)
    assert len((tmp_path / "w" / "metrics.jsonl").read_text().splitlines()) == 2  # trained once
    assert TeacherCache(tmp_path / "w" / "teacher_cache").shards() == set(range(80))


@pytest.mark.slow
def test_a_killed_command_goes_on_where_it_was(start, live, tmp_path):
    arguments = (f"--config.teacher.handle={live / 'teacher.keras'}", f"--workdir={tmp_path / 'w'}")
    arguments += ("--epochs=:200", "--steps_per_shard=4")
    killed, folder = start(*arguments), tmp_path / "w" / "teacher_cache"
    while len(list(folder.glob("*.npz"))) < 3:
        assert killed.poll() is None, killed.communicate()
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    there = len(list(folder.glob("shard_*.npz")))
    again = start(*arguments)
    out, err = again.communicate(timeout=300)
    assert again.returncode == 0, err
    assert f"Computed here: {(200 - there) * 64:,} images" in out
    assert there < 200
    assert not list(folder.glob(".*")) and not list(folder.glob("*.claim"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--workdir is missing"),
        (["--workdir=/dev/null/w"], "must be writable (Not a directory). Received: workdir=/dev"),
        (["--workdir=w", "--top_k=10"], "below the number of classes, 10. Received: top_k=10"),
    ],
)
def test_the_command_refuses_mistakes_in_a_sentence(start, tmp_path, arguments, message):
    process = start(*[a.replace("=w", f"={tmp_path / 'w'}") for a in arguments])
    _, err = process.communicate(timeout=300)
    assert process.returncode == 2
    assert message in err and "Traceback" not in err
    assert not (tmp_path / "w" / "checkpoints").exists()


def test_a_full_disk_ends_the_command_in_a_sentence(live, tmp_path, monkeypatch, capsys):
    from keras_kd.commands.console import explain
    from keras_kd.teachers.cache import store as cache

    def full(file, **arrays):
        file.write(b"half a shard")
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(cache.np, "savez", full)
    with pytest.raises(OSError, match="another --cache") as error:
        teach(tiny(), live, "0:1", tmp_path / "cache")
    assert os.listdir(tmp_path / "cache") == ["cache.json"]
    assert explain("keras-kd-teach", error.value) == 2
    assert "No space left on device" in capsys.readouterr().err

"""Distilling on images of one data set with a teacher of another; on digits in two folders."""

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from tiny_run import tiny_run

from keras_kd import data
from keras_kd.config import absolute, base
from keras_kd.export.material import Material
from keras_kd.run import Experiment, sources, targets, teach
from keras_kd.run import story as run
from keras_kd.run.workdir import Workdir
from keras_kd.training import log as metrics_log

KNOWN = 5  # the teacher knows the digits below; the student sees pictures of the others


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """`known`: digits 0 to 4 with their names; `others`: 5 to 9, in two folders of no meaning."""
    root = tmp_path_factory.mktemp("images")
    digits = load_digits()
    for index, (picture, label) in enumerate(zip(digits.images[:600], digits.target[:600])):
        split = "test" if index % 4 == 0 else "train"
        known = label < KNOWN
        name = f"known/{split}/{label}" if known else f"others/train/{'ab'[index % 2]}"
        (root / name).mkdir(parents=True, exist_ok=True)
        pixels = np.repeat((picture * 15.9).astype("uint8")[..., None], 3, axis=-1)
        Image.fromarray(pixels).save(root / name / f"{index}.png")
    return root


@pytest.fixture(scope="module")
def teacher(folders):
    """A linear network with the weights of a logistic regression on the digits it knows."""
    images = data.evaluation_dataset(f"folder:{folders}/known", "train", 50, 8, full_image=True)
    x, y = (np.concatenate(part) for part in zip(*images.as_numpy_iterator()))
    fitted = LogisticRegression(C=0.1, max_iter=300).fit(x.reshape(len(x), -1), y)
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Dense(KNOWN)(keras.layers.Flatten()(inputs)))
    model.layers[-1].set_weights([fitted.coef_.T, fitted.intercept_])
    model.save(folders / "teacher.keras")
    return str(folders / "teacher.keras")


@pytest.fixture
def config(folders, teacher):
    config = base()
    config.batch_size = 16
    config.data.source = f"folder:{folders}/others"
    config.data.eval_source = f"folder:{folders}/known"
    config.data.resolution = 8
    config.data.eval_full_image = True
    config.data.flip = False
    config.teacher.handle = teacher
    config.baseline.enabled = False
    config.student.model = {"name": "resnet", "kwargs": {"depth": 8, "width": 0.25}}
    config.distil.update(total="60 steps", interval="30 steps", warmup="2 steps")
    config.distil.learning_rate = 1e-2
    return config


def test_a_student_learns_the_classes_of_a_data_set_it_never_sees(config, tmp_path):
    report = run.run(config, tmp_path)
    assert report["dataset"] == config.data.eval_source
    assert report["data"]["distilled_on"] == config.data.source
    assert report["classes"] == list("01234")
    seen = data.load_source(config.data.source).split("train").num_examples
    assert report["data"]["train_images"] == seen
    assert report["teacher"]["accuracy"] > 0.9
    assert report["baseline"] is None
    student = keras.models.load_model(tmp_path / "student.keras")
    assert student.output_shape == (None, KNOWN)
    first, last = metrics_log.logged(tmp_path / "metrics.jsonl", "distil")
    # Labels of the other data set make no accuracy; the evaluation's do.
    assert "accuracy" not in last and "val_accuracy" in last
    assert last["loss"] < first["loss"] and last["val_kl"] < first["val_kl"]
    assert report["student"]["accuracy"] == pytest.approx(last["val_accuracy"])


def test_teacher_and_student_see_the_other_images_and_no_label(config):
    experiment = Experiment(config)
    source, streams = experiment.source, experiment.streams
    stream, _ = streams.of(experiment.last)
    (images,) = next(iter(stream(3, 10)[0]))
    direct = data.build_dataset(
        config.data.source, "train", "mix", 16, 8, start_step=3, flip=False, crop_area=(0.05, 1.0)
    )
    np.testing.assert_array_equal(images, next(iter(direct))[0])
    assert source.name == config.data.eval_source
    assert streams.pools.of(experiment.last).source.name == config.data.source
    assert streams.for_teacher(experiment.last)[1]["data.source"] == "folder:others"


@pytest.mark.slow
def test_cached_targets_give_what_the_live_teacher_gives(config, tmp_path):
    config.distil.update(total="6 steps", interval="3 steps")
    config.teacher.engine = "graph"
    compare_live_and_cached(config, tmp_path)


def compare_live_and_cached(config, tmp_path):
    live = run.run(config, tmp_path / "live")
    teach.teach(config, tmp_path / "cached", cache=tmp_path / "targets", dtype="float32")
    config.teacher_cache = str(tmp_path / "targets")
    cached = run.run(config, tmp_path / "cached")
    losses = [
        [entry["loss"] for entry in metrics_log.logged(tmp_path / each / "metrics.jsonl", "distil")]
        for each in ("live", "cached")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert live["student"]["accuracy"] == pytest.approx(cached["student"]["accuracy"], abs=0.02)


@pytest.mark.slow
def test_fixed_targets_are_answers_to_the_other_images(config, tmp_path):
    config.distil.update(mode="fix/cc", rc_scale=1.25, total="4 steps", interval="4 steps")
    run.run(config, tmp_path)
    experiment = Experiment(config, tmp_path)
    model = keras.models.load_model(config.teacher.handle)
    stage = experiment.last
    stored = targets.get_targets(experiment, stage, model, model)
    ((x,),) = experiment.streams.with_targets(stage, stored).train(0, 4)[0].take(1)
    views = data.FixedViews(config.data.source, "train", "fix/cc", 8, rc_scale=1.25)
    positions = [views.examples.ids.tolist().index(one) for one in x["id"].numpy()]
    np.testing.assert_allclose(x["teacher_logits"], model(views.at(positions)), atol=1e-4)


def test_an_export_is_checked_on_the_classes_and_calibrated_on_the_images(config, tmp_path):
    Workdir(tmp_path / "run", config)
    material = Material(tmp_path / "run")
    assert material.source.class_names == list("01234")
    assert material.training_images.name == config.data.source
    _, labels = next(iter(material.test_images))
    assert set(labels.numpy()) <= set(range(KNOWN))
    config.data.eval_source = ""
    Workdir(tmp_path / "other", config)
    material = Material(tmp_path / "other")
    assert material.training_images is material.source


def test_a_preview_shows_the_images(config, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "preview", lambda source, *args, **kwargs: source.name)
    assert run.preview(config, tmp_path / "sheet.png") == config.data.source


def test_paths_of_both_data_sets_become_absolute(config, folders, monkeypatch):
    monkeypatch.chdir(folders)
    config.data.source, config.data.eval_source = "folder:others", "folder:known"
    found = absolute(config).data
    assert (found.source, found.eval_source) == (
        f"folder:{folders}/others",
        f"folder:{folders}/known",
    )


def test_grey_and_colour_do_not_go_together(config):
    config.data.source = "digits"
    with pytest.raises(ValueError, match=r"as many channels .* Received: 1 in digits, 3 in folder"):
        _ = Experiment(config).streams


def test_without_another_data_set_there_is_one_source():
    config = base()
    source = sources.load_classes(config)
    assert sources.load_images(config, source) is source


@pytest.fixture
def scarce():
    """Two labels a class of 64 digits, and further digits without labels."""
    changes = {"labels_per_class": 2, "unlabelled": "digits", "unlabelled_split": "train[64:164]"}
    return tiny_run(**{f"data.{key}": value for key, value in changes.items()})


def test_who_learns_from_labels_sees_few_and_who_follows_a_teacher_sees_all(scarce):
    experiment = Experiment(scarce)
    teacher, baseline, distil = experiment.stages
    found = [experiment.lengths_of(stage).num_examples for stage in experiment.stages]
    assert found == [20, 20, 64 + 100]
    assert experiment.lengths_of(distil).steps("2 epochs") == 21 > 20 * 2 // 16
    images, labels = next(iter(experiment.streams.of(baseline).train(0, 4)[0]))
    assert images.shape == (16, 8, 8, 1) and labels.shape[0] == 16
    kept = experiment.streams.pools.of(teacher).examples
    assert np.array_equal(np.bincount(kept.labels), [2] * 10)
    # Nobody who follows a teacher is shown a label.
    for _, batch in zip(range(3), experiment.streams.of(distil).train(0, 4)[0]):
        assert len(batch) == 1 and batch[0].shape == (16, 8, 8, 1)
    assert set(experiment.streams.pools.of(distil).examples.labels) == {-1}


def test_without_few_or_further_images_all_see_the_same():
    experiment = Experiment(tiny_run())
    pools = experiment.streams.pools
    assert pools.labels is pools.teachers and pools.labels.labelled
    assert not list(sources.describe(experiment.config, pools, pools.labels.examples))


def test_the_targets_are_those_of_the_union(scarce, tmp_path):
    found = []
    for changes in ({}, {"unlabelled_split": "train[64:163]"}, {"unlabelled": ""}):
        config = scarce.copy_and_resolve_references()
        config.data.update(changes)
        experiment = Experiment(config)
        found.append(experiment.streams.for_teacher(experiment.last)[1])
    assert len({one["data.content"] for one in found}) == 3
    assert [one["data.examples"] for one in found] == [164, 163, 64]
    # The labels that are drawn are the teacher's matter: its weights tell them.
    scarce.data.labels_per_class = 3
    again = Experiment(scarce)
    assert again.streams.for_teacher(again.last)[1] == found[0]


def test_a_run_with_few_labels_computes_the_targets_of_all_images_once(scarce, tmp_path):
    scarce.distil.mode = "fix/rs"
    lines = []
    report = run.run(scarce, tmp_path, progress=lines.append)
    assert "labels: 20 images keep theirs, 2 of each class" in lines
    assert "unlabelled images: 100 of digits" in lines
    assert report["data"]["labelled_images"] == 20 and report["data"]["train_images"] == 164
    assert report["data"]["images"] == [
        line for line in lines if line.startswith(("labels", "unl"))
    ]
    stored = np.load(tmp_path / "targets" / "fix_rs.npz")
    assert stored["targets"].shape == (164, 10)
    teacher = keras.models.load_model(tmp_path / "teacher.keras")
    pixels = data.load_source("digits").split("train[64:164]").store.images / 127.5 - 1
    np.testing.assert_allclose(stored["targets"][64:], teacher(pixels), atol=1e-3)
    last = metrics_log.logged(tmp_path / "metrics.jsonl", "distil")[-1]
    assert "accuracy" not in last and "val_accuracy" in last


@pytest.mark.slow
def test_cached_targets_of_the_union_give_what_the_live_teacher_gives(scarce, tmp_path):
    compare_live_and_cached(scarce, tmp_path)


def test_batches_must_fit_the_few_labels(scarce):
    scarce.batch_size = 24
    said = r"batch_size=24, 20 images \(data.labels_per_class=2\) in split"
    with pytest.raises(ValueError, match=said):
        _ = Experiment(scarce).streams


def test_lying_images_are_told_and_turned_on_request(tmp_path):
    tag = Image.Exif()
    tag[0x0112] = 6
    for index in range(10):
        folder = tmp_path / "images" / "ab"[index % 2]
        folder.mkdir(parents=True, exist_ok=True)
        exif = {"exif": tag} if index < 4 else {}
        pixels = np.full((12, 20, 3), 20 * index, np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png", **exif)
    told = {}
    for wish in ("ignore", "apply"):
        config = base()
        config.batch_size = 2
        config.data.update(source=f"folder:{tmp_path}/images", exif=wish)
        experiment = Experiment(config)
        pools = experiment.streams.pools
        (told[wish],) = sources.describe(config, pools, experiment.source.split("test"))
        sizes = [experiment.source.split(split).sizes for split in ("train", "test")]
        lying = (np.concatenate(sizes) == [20, 12]).all(axis=1).sum()
        assert lying == {"ignore": 0, "apply": 4}[wish]
    assert "4 of 10 images lie" in told["ignore"] and "exif=apply turns" in told["ignore"]
    assert "are turned upright" in told["apply"]


def test_a_split_that_is_not_there_is_refused_by_its_key(folders):
    for name in "ab":
        (folders / "only" / "train" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(folders / "only" / "train" / name / "1.png")
    config = base()
    config.batch_size = 2
    config.data.source = f"folder:{folders}/only"
    with pytest.raises(ValueError, match=r"config\.data\.eval_split: The source has the splits"):
        _ = Experiment(config).streams
    config.data.update(eval_split="train", train_split="trian")
    with pytest.raises(ValueError, match=r"config\.data\.train_split: .*'trian'.*train"):
        _ = Experiment(config).streams

"""A student that is cut out of its teacher, from the config to the finished run."""

import keras
import numpy as np
import pytest
from tiny_run import tiny_run, with_changes
from tiny_stage import stop_after

from keras_kd import config as configs
from keras_kd import models
from keras_kd.config import network
from keras_kd.models import shrink
from keras_kd.run import Experiment, Finished, run
from keras_kd.run.dry_run import dry_run


def shrunk_run(**changes):
    config = tiny_run(4, xla="off")
    config.student.model = {"name": "shrink", "kwargs": {"width": 0.5, "images": 40}}
    config.baseline.enabled = False
    return with_changes(config, changes)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """(report, workdir) of a run that nothing disturbed."""
    workdir = tmp_path_factory.mktemp("runs") / "shrunk"
    return run(shrunk_run(**{"baseline.enabled": True}), workdir), workdir


def test_the_student_is_half_as_wide_and_loads(finished):
    report, workdir = finished
    student = Finished(workdir).load_student()
    assert student.get_layer("stem_conv").filters == 4
    assert report["student"]["name"] == "shrink"
    assert report["student"]["parameters"] == student.count_params()
    assert report["student"]["parameters"] < 0.3 * report["teacher"]["parameters"]
    logits = np.load(workdir / "predictions.npz")["student_logits"]
    again = Finished(workdir)
    images = next(iter(again.evaluation_images()))[0]
    np.testing.assert_allclose(student(images)[:10], logits[:10], atol=1e-5)


def test_the_baseline_is_cut_out_of_the_same_teacher(finished):
    """Both begin alike, from the teacher that has learned."""
    _, workdir = finished
    run = Experiment(shrunk_run(**{"baseline.enabled": True}), workdir)
    _, baseline, distil = run.stages
    run.train_teachers(baseline)  # from its file
    one, _ = run.learner(baseline)
    other, _ = run.learner(distil, run.teacher(distil))
    for a, b in zip(one.get_weights(), other.get_weights()):
        np.testing.assert_array_equal(a, b)
    learned = keras.saving.load_model(workdir / "teacher.keras", compile=False)
    cut = shrink(learned, 0.5, input_shape=one.input_shape[1:]).get_layer("stem_conv")
    np.testing.assert_array_equal(one.get_layer("stem_conv").kernel, cut.kernel)


@pytest.mark.slow
def test_of_a_handle_without_a_teacher(finished, tmp_path):
    """It learns from labels alone, and is cut out of a network that has learned."""
    _, workdir = finished
    config = shrunk_run()
    config.student.model.kwargs.of = str(workdir / "teacher.keras")
    config.stages, config.baseline.enabled = ("baseline",), True
    run(config, tmp_path)
    assert Finished(tmp_path).load_student().get_layer("stem_conv").filters == 4


def tuned_run(weights):
    """A teacher of adapters in a transformer that no stage trains, and a student of it."""
    config = tiny_run(4, xla="off")
    sizes = {"patch": 4, "width": 12, "depth": 1, "heads": 3, "mlp_width": 12}
    config.pretrained = network("vit", **sizes)
    config.pretrained.init = str(weights)
    config.teacher.model = {"name": "convpass", "kwargs": {"of": "pretrained", "dim": 2}}
    config.baseline.enabled = False
    return config


def test_adapters_are_tuned_in_a_transformer_with_pretrained_weights(tmp_path):
    """Of another number of classes, at the teacher's side; its adapters fit it alone."""
    side = tiny_run().data.resolution
    vit = models.vit("Ti", 7, (side, side, 1), patch=4, width=12, depth=1, heads=3, mlp_width=12)
    vit.save(tmp_path / "vit.keras")
    tuning = Experiment(tuned_run(tmp_path / "vit.keras"), tmp_path / "run")
    tuning.train_teachers(tuning.last)
    teacher = keras.saving.load_model(tmp_path / "run" / "teacher.keras", compile=False)
    assert np.any(teacher.get_layer("block1_mlp_convpass").up.kernel)  # has learned
    for layer in vit.layers:
        if layer.name != "logits":
            for one, other in zip(teacher.get_layer(layer.name).weights, layer.weights):
                np.testing.assert_array_equal(one, other)
    models.save_adapters(teacher, tmp_path / "adapters.npz")
    base = models.start_from(str(tmp_path / "vit.keras"), 10, (side, side, 1))
    again, x = models.load_adapters(base, tmp_path / "adapters.npz"), np.zeros((1, side, side, 1))
    np.testing.assert_allclose(again(x), teacher(x), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["teacher", "student"])
def test_a_tuned_transformer_in_a_whole_run(tmp_path, role):
    """It teaches a network, and is taught, and leaves as any other does."""
    side = tiny_run().data.resolution
    sizes = {"patch": 4, "width": 12, "depth": 1, "heads": 3, "mlp_width": 12}
    models.vit("Ti", 7, (side, side, 1), **sizes).save(tmp_path / "vit.keras")
    config = tuned_run(tmp_path / "vit.keras")
    if role == "student":
        config.student.model, config.teacher.model = config.teacher.model, config.student.model
    report = run(config, tmp_path / "run")
    assert report[role]["name"] == "convpass"
    student = Finished(tmp_path / "run").load_student()
    assert any(one.name == "block1_mlp_convpass" for one in student.layers) == (role == "student")


def test_what_a_network_is_made_of_brings_weights(tmp_path):
    config = tuned_run("")
    with pytest.raises(ValueError, match=r"kwargs\.of must have learned.*pretrained weights"):
        configs.check(config)


@pytest.mark.slow
def test_it_resumes_exactly(finished, tmp_path, monkeypatch):
    """Stopped in the teacher's stage, and again in the student's."""
    _, workdir = finished
    for stop in (2, 2):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            stop_after(patch, stop)
            run(shrunk_run(), tmp_path)
    run(shrunk_run(), tmp_path)
    for one, other in zip(*(Finished(w).load_student().get_weights() for w in (workdir, tmp_path))):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_dry_run():
    plan = dry_run(shrunk_run(), tiny=True)
    assert plan["student"].parameters < 0.3 * plan["teacher"].parameters


@pytest.mark.parametrize(("changes", "words"), [
    ({"stages": ("baseline",), "baseline.enabled": True},
     r"makes a student of its stage's teacher.*stage 'baseline'"),
    ({"stages": ("baseline", "teacher", "distil"), "baseline.enabled": True},
     r"student.model.kwargs.of must be earlier stages. Received: 'teacher'"),
    ({"student.model.kwargs.of": "baseline"}, r"kwargs.of must be enabled. Received: 'baseline'"),
    ({"student.init": "bit:R50x1-M"}, r"config.student.init must be empty"),
    ({"student.model.kwargs.widht": 0.5}, r"Received: widht=0.5.*Did you mean 'width'"),
    ({"student.model.name": "shrnk"}, r"Did you mean 'shrink'"),
])  # fmt: skip
def test_bad_configs(changes, words):
    with pytest.raises(ValueError, match=words):
        configs.check(shrunk_run(**changes))

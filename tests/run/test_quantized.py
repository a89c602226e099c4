"""A stage in few bits, from the config to the exported files."""

import keras
import numpy as np
import pytest
from tiny_run import tiny_run, with_changes
from tiny_stage import stop_after

from keras_kd import config as configs
from keras_kd.config import network, stage
from keras_kd.configs import quantize_digits
from keras_kd.export.run import export
from keras_kd.models.wrap.unquantize import has_ranges, kernels
from keras_kd.run import Experiment, Finished, run
from keras_kd.run.dry_run import dry_run


def quantized_run(scheme="lsq", **changes):
    """Teacher, student, and the student again in 4 bits."""
    config = tiny_run(4, xla="off")
    config.baseline.enabled = False
    config.quantized = network("quantize_aware", weights=4, images=40, scheme=scheme)
    config.quantize = stage(
        network="quantized",
        teachers=("distil",),
        methods={"soft_targets": {"temperature": 1.0}},
        label_weight=0.0,
        total="4 steps",
        interval="2 steps",
        warmup="1 steps",
    )
    config.stages = ("teacher", "baseline", "distil", "quantize")
    return with_changes(config, changes)


@pytest.fixture(scope="module", params=["lsq", pytest.param("minmax", marks=pytest.mark.slow)])
def finished(request, tmp_path_factory):
    """(scheme, report, workdir) of a run that nothing disturbed."""
    workdir = tmp_path_factory.mktemp("runs") / "quantized"
    return request.param, run(quantized_run(request.param), workdir), workdir


def test_the_student_is_the_one_in_few_bits(finished):
    _, report, workdir = finished
    student = Finished(workdir).load_student()
    assert [layer.bits for layer in kernels(student)] == [8, *[4] * 6, 8]
    assert has_ranges(student)
    assert report["student"]["name"] == "quantize_aware"
    assert report["stages"]["quantize"]["teachers"] == ["distil"]
    logits = np.load(workdir / "predictions.npz")["student_logits"]
    images = next(iter(Finished(workdir).evaluation_images()))[0]
    np.testing.assert_allclose(student(images)[:10], logits[:10], atol=1e-4)


def test_it_begins_as_the_network_it_is_made_of(finished):
    """Nothing was learned in four steps; before them kernels are those of the stage before."""
    scheme, _, workdir = finished
    experiment = Experiment(quantized_run(scheme), workdir)
    last = experiment.last
    experiment.train_teachers(last)  # from its file
    made, _ = experiment.learner(last, experiment.teacher(last))
    before = keras.saving.load_model(workdir / "distil.keras", compile=False)
    images = next(iter(Finished(workdir).evaluation_images()))[0]
    expected = before(images).numpy()
    assert np.abs(made(images) - expected).max() < 0.5 * np.ptp(expected)
    np.testing.assert_allclose(made.get_layer("logits").kernel, before.get_layer("logits").kernel)


def test_files_hold_what_was_trained(finished):
    _, _, workdir = finished
    facts = export(workdir, ("float32", "int8", "int4"))
    assert facts["int8"]["fully_quantized"] and facts["int4"]["trained_bits"]
    assert facts["int8"]["agreement_with_keras"] >= 0.98
    assert facts["int4"]["agreement_with_keras"] >= 0.96
    assert facts["int4"]["bytes"] < facts["int8"]["bytes"] < facts["float32"]["bytes"]


@pytest.mark.slow
def test_it_resumes_exactly(finished, tmp_path, monkeypatch):
    """Stopped in each of the three stages, the one in few bits at last."""
    scheme, _, workdir = finished
    for stop in (2, 2, 2):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            stop_after(patch, stop)
            run(quantized_run(scheme), tmp_path)
    run(quantized_run(scheme), tmp_path)
    for one, other in zip(*(Finished(w).load_student().get_weights() for w in (workdir, tmp_path))):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_followed_by_the_big_teacher_and_by_labels(tmp_path):
    """`of` names what it is made of where the teacher is another, or there is none."""
    config = quantized_run(**{"quantize.teachers": ("teacher",)})
    config.quantized.model.kwargs.of = "distil"
    assert run(config, tmp_path / "a")["stages"]["quantize"]["teachers"] == ["teacher"]
    config = quantized_run(**{"quantize.teachers": (), "quantize.label_weight": 1.0})
    config.quantize.methods = {}
    config.quantized.model.kwargs.of = "distil"
    run(config, tmp_path / "b")
    assert kernels(Finished(tmp_path / "b").load_student())[1].bits == 4


@pytest.mark.slow
def test_dry_run():
    plan = dry_run(quantized_run(), tiny=True)
    assert 0 < plan["student"].parameters < plan["teacher"].parameters * 1.05
    assert plan["stages"]["quantize"]["loss"] >= 0


def test_the_config_of_digits():
    config = quantize_digits.get_config("2")
    configs.check(config)
    assert config.quantized.model.kwargs.weights == 2
    with pytest.raises(ValueError, match=r"must be 8, 4, 3 or 2. Received: bits='7'"):
        quantize_digits.get_config("7")


@pytest.mark.parametrize(("changes", "words"), [
    ({"stages": ("teacher", "distil", "quantize", "baseline"), "baseline.enabled": True},
     r"must end with.*Received: 'quantize' before 'baseline'"),
    ({"stages": ("teacher", "quantize", "distil")}, r"'distil'. It comes after 'quantize'"),
    ({"quantized.model.kwargs.of": "distill"}, r"Did you mean 'distil'"),
    ({"quantized.model.kwargs.weigths": 4}, r"Received: weigths=4.*Did you mean 'weights'"),
    ({"quantized.init": "bit:R50x1-M"}, r"config.quantized.init must be empty"),
])  # fmt: skip
def test_bad_configs(changes, words):
    with pytest.raises(ValueError, match=words):
        configs.check(quantized_run(**changes))


def test_two_stages_in_few_bits():
    """Both of the network in floats; not the one of the other."""
    config = quantized_run()
    config.lower = network("quantize_aware", weights=2, of="distil")
    config.again = stage(network="lower", teachers=("quantize",), methods=config.quantize.methods)
    config.stages = (*config.stages, "again")
    configs.check(config)
    config.lower.model.kwargs.of = "quantize"
    with pytest.raises(ValueError, match=r"in floats. Received: 'quantize'"):
        configs.check(config)


def test_bits_are_refused_before_anything_is_trained(tmp_path):
    config = quantized_run()
    config.quantized.model.kwargs.weights = 5
    with pytest.raises(ValueError, match=r"Received: weights=5"):
        run(config, tmp_path)
    assert not (tmp_path / "checkpoints").exists()

"""BiT-HyperRule: its tables as published, the stage that it sets up, and runs on each start."""

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_run import with_changes
from tiny_stage import stop_after

from keras_kd import data
from keras_kd.config import base, check, hyperrule, stage
from keras_kd.models import bit_resnet
from keras_kd.models.bit.weights import _variables
from keras_kd.run import Experiment
from keras_kd.run import story as run
from keras_kd.training import log as metrics_log
from keras_kd.training.lengths import Lengths, make_optimizer

REPOSITORY = Path(__file__).resolve().parents[2]

# Kolesnikov et al. 2020, section 3.3 (30, 60 and 90 % of the steps), and bit_hyperrule.py; the
# columns: examples, steps, warm-up, where the rate falls, alpha of mixup.
PAPER = (
    (1, 500, 100, (150, 300, 450), 0.0),
    (1_020, 500, 100, (150, 300, 450), 0.0),
    (19_999, 500, 100, (150, 300, 450), 0.0),
    (20_000, 10_000, 500, (3_000, 6_000, 9_000), 0.1),
    (499_999, 10_000, 500, (3_000, 6_000, 9_000), 0.1),
    (500_000, 20_000, 500, (6_000, 12_000, 18_000), 0.1),
    (1_281_167, 20_000, 500, (6_000, 12_000, 18_000), 0.1),
)
CODE = tuple((*row[:3], (200, 300, 400) if row[1] == 500 else row[3], row[4]) for row in PAPER)


@pytest.mark.parametrize(("source", "table"), [("paper", PAPER), ("code", CODE)])
def test_lengths_by_the_number_of_examples(source, table):
    for examples, *expected in table:
        rule = hyperrule.hyperrule(examples, 224, source)
        assert [rule.steps, rule.warmup, rule.decay_at, rule.mixup_alpha] == expected


@pytest.mark.parametrize(
    ("size", "source", "largest", "expected"),
    [
        (32, "paper", False, (160, 128)),
        (95, "code", True, (160, 128)),
        (96, "paper", False, (448, 384)),
        ((48, 191), "paper", False, (160, 128)),  # 9,168 px, and 96 * 96 is 9,216
        ((48, 193), "paper", False, (448, 384)),
        (224, "code", False, (512, 480)),
        (224, "paper", True, (512, 480)),  # R152x4
    ],
)
def test_resolution_by_the_size_of_the_images(size, source, largest, expected):
    rule = hyperrule.hyperrule(50_000, size, source, largest)
    assert (rule.resize, rule.crop) == expected


def test_what_is_no_rule():
    with pytest.raises(ValueError, match="Did you mean 'paper'"):
        hyperrule.hyperrule(1_000, 32, "papers")
    with pytest.raises(ValueError, match="num_examples=0"):
        hyperrule.hyperrule(0, 32)


@pytest.mark.parametrize("source", ["paper", "code"])
@pytest.mark.parametrize("examples", [1_020, 50_000, 1_281_167])
def test_the_stage_has_the_rules_steps(examples, source):
    config = base()
    rule = hyperrule.apply(config.teacher.train, examples, 32, 512, source)
    check(config)
    settings = config.teacher.train
    schedule = make_optimizer(settings, Lengths(examples, 512))._learning_rate
    assert schedule.total_steps == rule.steps
    assert schedule.warmup_steps == rule.warmup
    assert tuple(schedule.decay_at) == rule.decay_at
    assert schedule.peak_learning_rate == pytest.approx(0.003)
    assert (settings.mode, settings.mixup_alpha) == (
        ("mix/sc", 0.1) if examples >= 20_000 else ("same/sc", 1.0)
    )
    assert settings.rc_scale == 160 / 128
    assert (settings.weight_decay, settings.clip, settings.label_weight) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize(("batch_size", "rate"), [(512, 0.003), (128, 0.00075), (4096, 0.024)])
def test_the_rate_is_linear_in_the_batch_and_follows_the_config(batch_size, rate):
    config = base()
    hyperrule.apply(config.teacher.train, 100, 32, config.get_ref("batch_size").to_float())
    config.batch_size = batch_size
    assert config.teacher.train.learning_rate == pytest.approx(rate)
    settings = stage()
    hyperrule.apply(settings, 100, 32, batch_size)
    assert settings.learning_rate == pytest.approx(rate)


def recipe(arguments):
    path = REPOSITORY / "configs" / "bit_hyperrule.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config(arguments)


@pytest.mark.parametrize(
    ("arguments", "steps", "resolution", "source"),
    [
        ("cifar10", "10000 steps", 128, "tfds:cifar10"),
        ("oxford_flowers102", "500 steps", 384, "tfds:oxford_flowers102"),
        ("oxford_flowers102,code", "500 steps", 480, "tfds:oxford_flowers102"),
        ("imagenet2012", "20000 steps", 384, "tfds:imagenet2012"),
        ("examples=2640,side=348", "500 steps", 384, "digits"),
        ("oxford_flowers102,largest", "500 steps", 480, "tfds:oxford_flowers102"),
        ("largest,code,imagenet2012", "20000 steps", 480, "tfds:imagenet2012"),
        ("cifar100,largest", "10000 steps", 128, "tfds:cifar100"),
    ],
)
def test_the_recipe_by_its_argument(arguments, steps, resolution, source):
    config = recipe(arguments)
    check(config)
    assert config.teacher.train.total == steps
    assert config.data.resolution == resolution
    assert config.data.source == source
    largest = "largest" in arguments
    assert config.teacher.init == ("bit:R152x4-M" if largest else "bit:R50x1-M")
    scale = {128: 160 / 128, 384: 448 / 384, 480: 512 / 480}[resolution]
    assert config.teacher.train.rc_scale == scale and config.data.eval_full_image
    assert config.teacher.train.learning_rate == pytest.approx(0.003)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("cifar11", "Did you mean 'cifar10"),
        ("examples=12", "both its training examples and the side"),
        ("examples=many,side=3", "Received: 'examples=many'"),
        ("code", "must name a data set"),
        ("cifar10,larges", "code, largest, examples=N.*Did you mean 'largest'"),
    ],
)
def test_the_recipe_refuses_other_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        recipe(arguments)


def fine_tuning(tmp_path, init, name="", kwargs=None, examples=1_297):
    """The recipe on a few digits: four steps, of which the first has a rate of 0."""
    config = recipe(f"examples={examples},side=8")
    config.batch_size = 16
    config.data.source, config.data.resolution = "digits", 8
    config.data.flip = False
    config.data.train_split, config.data.eval_split = "train[:64]", "test[:50]"
    config.teacher.init = str(init)
    config.teacher.model = {"name": name, "kwargs": kwargs or {}}
    # The rule's rate at this batch moves the weights by less than float32 shows in four steps.
    config.teacher.train.update(total="4 steps", interval="2 steps", learning_rate=0.5)
    config.student.model = {"name": "resnet", "kwargs": {"depth": 8, "width": 0.25}}
    config.distil.update(total="2 steps", interval="2 steps", warmup="0 steps")
    return config


def bit_archive(tmp_path):
    donor = bit_resnet((1, 1), 0.125, 5, (8, 8, 1), small_root=True)
    arrays = {f"params/{name}": variable.numpy() for name, variable in _variables(donor).items()}
    np.savez(tmp_path / "bit.npz", **arrays)
    kwargs = {"depth": (1, 1), "width": 0.125, "small_root": True}
    return (tmp_path / "bit.npz", "bit_resnet", kwargs), donor.get_layer("stem").kernel.numpy()


class Module(tf.Module):
    """Mean over space times a matrix: a hub module of six features."""

    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(np.random.default_rng(0).normal(size=(1, 6)).astype("float32"))

    @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 1), tf.float32)])
    def __call__(self, images):
        return tf.reduce_mean(images, [1, 2]) @ self.kernel


def hub_module(tmp_path):
    module = Module()
    tf.saved_model.save(module, str(tmp_path / "module"))
    return (f"hub:{tmp_path / 'module'}",), module.kernel.numpy()


def keras_backbone(tmp_path):
    donor = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            keras.layers.Conv2D(6, 3, activation="relu", name="conv"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4, activation="softmax"),
        ]
    )
    donor.trainable = False
    donor.save(tmp_path / "backbone.keras")
    return (tmp_path / "backbone.keras",), donor.get_layer("conv").kernel.numpy()


@pytest.mark.parametrize(
    "start",
    [
        *(pytest.param(one, marks=pytest.mark.slow) for one in (bit_archive, hub_module)),
        keras_backbone,
    ],
)
def test_a_teacher_is_fine_tuned_from_each_kind_of_start(tmp_path, start):
    arguments, before = start(tmp_path)
    config = fine_tuning(tmp_path, *arguments)
    experiment = Experiment(config)
    teacher, _ = experiment.learner(experiment.stages[0])
    images = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8, 1)).astype("float32")
    np.testing.assert_array_equal(teacher(images), np.zeros((3, 10)))
    report = run.run(config, tmp_path / "run")
    trained = keras.models.load_model(tmp_path / "run" / "teacher.keras")
    after = [w for w in trained.get_weights() if w.shape == before.shape]
    assert len(after) == 1 or start is bit_archive
    assert all(np.abs(one - before).max() > 0 for one in after)
    assert np.abs(trained.get_layer("logits").kernel).max() > 0
    assert report["teacher"]["name"] == (arguments[1] if arguments[1:] else str(arguments[0]))
    assert report["stages"]["teacher"]["steps"] == 4
    logged = metrics_log.logged(tmp_path / "run" / "metrics.jsonl", "teacher")
    assert all(np.isfinite(line["loss"]) for line in logged)


@pytest.mark.slow
def test_a_medium_set_is_fine_tuned_under_mild_mixup(tmp_path):
    arguments, _ = keras_backbone(tmp_path)
    config = fine_tuning(tmp_path, *arguments, examples=50_000)
    assert config.teacher.train.mode == "mix/sc"
    experiment = Experiment(config)
    source = experiment.source
    train, _ = experiment.streams.of(experiment.stages[0])
    (x, y), *_ = train(3, 4)[0].take(1).as_numpy_iterator()
    options = {"rc_scale": 160 / 128, "mixup_alpha": 0.1, "flip": False, "one_hot": True}
    by_hand = data.build_dataset(
        source, "train[:64]", "mix/sc", 16, 8, config.seed, 3, num_steps=1, **options
    )
    ((want_x, want_y),) = by_hand.as_numpy_iterator()
    np.testing.assert_array_equal(x, want_x)
    np.testing.assert_array_equal(y, want_y)
    np.testing.assert_allclose(y.sum(axis=1), 1.0, atol=1e-6)
    run.run(config, tmp_path / "run")


@pytest.mark.slow  # what resumes is the same stage as any
def test_a_stopped_fine_tuning_ends_as_if_it_had_not_been(tmp_path, monkeypatch):
    arguments, _ = keras_backbone(tmp_path)
    config = fine_tuning(tmp_path, *arguments)
    run.run(config, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch)
        run.run(config, tmp_path / "stopped")
    run.run(config, tmp_path / "stopped")
    whole, stopped = (
        keras.models.load_model(tmp_path / name / "teacher.keras").get_weights()
        for name in ("whole", "stopped")
    )
    for one, two in zip(whole, stopped):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"teacher.train.warmup": "5 steps"}, r"config\.teacher\.train: The warm-up must be short"),
        ({"teacher.train.warmup": "3 steps"}, r"config\.teacher\.train: decay_at must be steps"),
        ({"teacher.init": "weights.keras"}, "which is not there"),
        ({"teacher.init": "bit:R50x1M"}, "Did you mean 'R50x1-M'"),
        ({"teacher.init": ""}, "name must be one of"),
        ({"teacher.handle": "teacher.keras"}, r"config\.teacher\.init must be empty"),
        ({"teacher.model.kwargs": {"depth": 8}}, r"config\.teacher\.model\.kwargs must be empty"),
        ({"teacher.model.name": "resnet"}, "mismatches"),
    ],
    ids=["long", "past_decay", "missing", "unpublished", "none", "both", "kwargs", "other"],
)
def test_mistakes_show_before_the_first_step(tmp_path, changes, message):
    arguments, _ = keras_backbone(tmp_path)
    config = with_changes(fine_tuning(tmp_path, *arguments), changes)
    with pytest.raises(ValueError, match=message):
        run.run(config, tmp_path / "run")
    assert not (tmp_path / "run" / "checkpoints").exists()

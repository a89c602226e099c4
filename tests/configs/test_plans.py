"""Every config and every variant of one: it is allowed, and its plan is the paper's, in seconds.

No network is built here: `test_dry_run` does that, with the marker `slow` for most configs.
"""

import importlib
import itertools
import math
from pathlib import Path

import keras
import pytest
from published_recipes import TABLE

from keras_kd.config import check, trained_stages
from keras_kd.configs import bit_hyperrule
from keras_kd.configs.funmatch import imagenet
from keras_kd.data import tfds_source
from keras_kd.models.flops import Size
from keras_kd.run.offline import OfflineExperiment, random_source
from keras_kd.run.plan import describe, make_plan
from keras_kd.training.lengths import make_optimizer

FOLDER = Path(__file__).resolve().parents[2] / "configs"
NAMES = sorted(
    path.relative_to(FOLDER).with_suffix("").as_posix()
    for path in FOLDER.rglob("*.py")
    # The lengths of photos.py follow from images and timed steps: tests/run/budget.
    if path.name not in ("__init__.py", "photos.py")
)
# Of the paper's splits; 90 % of pets' 3,680 and food's 75,750, 98 % of ImageNet's 1,281,167.
IMAGES = {
    "flowers102": 1_020, "pets37": 3_312, "food101": 68_175, "sun397": 76_128,
    "imagenet": 1_255_544,
}  # fmt: skip
VARIANTS = {f"funmatch/{name}": ["fast", "medium", "long"] for name in TABLE}
LENGTHS, *OTHERS = imagenet.GROUPS.values()  # a length changes nothing but the number of epochs
VARIANTS["funmatch/imagenet"] = [*LENGTHS, *map(",".join, itertools.product(*OTHERS))]
VARIANTS["bit_hyperrule"] = [f"{name},{source}" for name in bit_hyperrule.SETS
                             for source in ("paper", "code")]  # fmt: skip
VARIANTS["bit_hyperrule"] += ["examples=2640,side=348"]
VARIANTS["schemes/learning_without_forgetting"] = ["warm_up"]
VARIANTS["baselines/out_of_domain"] = ["tfds:food101", "tfds:imagenet2012"]
VARIANTS["baselines/pretrained_student"] = ["bit:R50x1-M", "bit:R50x1-S"]
VARIANTS["convpass"] = ["student,teacher=bit:R50x1-imagenet224"]
# Schemes of networks that learn together or teach themselves, with no teacher beside them.
ALONE = [name for name in NAMES if name.startswith("schemes/")
         and not importlib.import_module(f"keras_kd.configs.{name.replace('/', '.')}")
         .get_config().distil.teachers]  # fmt: skip
STUDIES = ("self_study", "co_study")  # stages of a student before it is taught
TEACHER, STUDENT = Size(1000, 70), Size(100, 3)  # FLOPs of an image, in the place of a network's


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    monkeypatch.setattr(tfds_source, "_prepare", None)  # would fail
    monkeypatch.setattr(keras.utils, "get_file", None)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))


def planned(name, words):
    """(config, its experiment on random images, its plan) of a variant; no words: the default."""
    module = importlib.import_module(f"keras_kd.configs.{name.replace('/', '.')}")
    config = module.get_config(*words)
    check(config)
    experiment = OfflineExperiment(config, random_source(config, side=8))
    sizes = [
        (STUDENT, TEACHER)
        if stage.teachers
        else ({"teacher": TEACHER}.get(stage.name, STUDENT), None)
        for stage in experiment.stages
    ]
    return config, experiment, make_plan(experiment, sizes)


def rate(config, name, experiment, step):
    """The learning rate of a stage at a step, from the optimizer that the run would take."""
    settings = trained_stages(config)[name]
    (stage,) = (one for one in experiment.stages if one.path == name)
    optimizer = make_optimizer(settings, experiment.lengths_of(stage))
    optimizer.iterations.assign(step)
    return float(optimizer.learning_rate)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param(name, words, id="-".join([name.replace("/", "_"), *words]))
        for name in NAMES
        for words in [(), *((one,) for one in VARIANTS.get(name, []))]
    ],
)
def test_a_variant_is_allowed_and_has_a_plan(name, words):
    config, experiment, plan = planned(name, words)
    fixed = {one.path for one in experiment.stages if one.settings.mode.startswith("fix/")}
    assert plan["stages"] and set(plan["targets"]) == fixed
    pools = {one.path: experiment.streams.pools.of(one) for one in experiment.stages}
    for stage, numbers in plan["stages"].items():
        total, warmup = numbers["steps"], numbers["warmup"]
        assert 0 <= warmup < total and 1 <= numbers["interval"] <= total
        assert numbers["epochs"] == total * config.batch_size / pools[stage].num_examples
        learner = 70 if stage == "teacher.train" else 3
        assert numbers["student_flops"] == 3 * learner * config.batch_size
        taught = bool(trained_stages(config)[stage].teachers)
        alone = stage.endswith(".train") or stage in ("baseline", *STUDIES)
        assert taught or alone or name in ALONE
        live = taught and stage not in fixed
        assert numbers["teacher_flops"] == live * 70 * config.batch_size
        peak = trained_stages(config)[stage].learning_rate
        assert rate(config, stage, experiment, warmup) == pytest.approx(peak, rel=1e-5)
        if warmup:
            assert rate(config, stage, experiment, warmup // 2) < peak
        assert rate(config, stage, experiment, total - 1) < peak / 2
    assert f"{plan['stages'][experiment.last.path]['steps']:,} steps" in describe(experiment, plan)


@pytest.mark.parametrize("length", ["fast", "medium", "long"])
@pytest.mark.parametrize("name", TABLE)
def test_a_recipes_plan_is_the_papers(name, length):
    config, experiment, plan = planned(f"funmatch/{name}", (length,))
    epochs, _, peak, _ = TABLE[name][length]
    batch, warmup = (4096, 5000) if name == "imagenet" else (512, 1500)
    total = math.ceil(epochs * IMAGES[name] / batch)
    distil = plan["stages"]["distil"]
    assert list(plan["stages"]) == ["distil"] and plan["images"] == IMAGES[name]
    assert (distil["steps"], distil["warmup"], distil["peak"]) == (total, warmup, peak)
    assert distil["epochs"] == pytest.approx(epochs, abs=batch / IMAGES[name])
    for step in (warmup // 3, (warmup + total) // 2, total - (total - warmup) // 5, total):
        rising = step / warmup
        falling = (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2
        want = peak * (rising if step < warmup else falling)
        found = rate(config, "distil", experiment, step)
        assert found == pytest.approx(want, rel=1e-3, abs=1e-6 * peak), step

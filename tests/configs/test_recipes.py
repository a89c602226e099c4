"""The function-matching recipes against the tables of Beyer et al. 2021 (arXiv 2106.05237).

The numbers here were typed from the paper's tables of accuracies and best settings by length
(temperature, learning rate, weight decay), and splits, batch, warm-up and clipping from its
authors' public configs.
"""

import importlib

import numpy as np
import pytest
from absl.testing import flagsaver
from published_recipes import TABLE

from keras_kd import optimizers
from keras_kd.commands import train
from keras_kd.commands.console import explain
from keras_kd.commands.parsing import FlagError, parse
from keras_kd.config import check
from keras_kd.models import BUILDERS
from keras_kd.models.bit.published import PUBLISHED
from keras_kd.training.lengths import Lengths, make_optimizer
from keras_kd.utils import handles

# data set -> (source, training split, test split, teacher)
DATA = {
    "flowers102": ("tfds:oxford_flowers102", "train", "test", "R152x2-flowers128"),
    "pets37": ("tfds:oxford_iiit_pet", "train[:90%]", "test", "R152x2-pets128"),
    "food101": ("tfds:food101", "train[:90%]", "validation", "R152x2-food128"),
    "sun397": ("tfds:sun397", "train", "test", "R152x2-sun128"),
    "imagenet": ("tfds:imagenet2012", "train[:98%]", "validation", "R152x2-imagenet224"),
}


def stages_of(config):
    return config.teacher.train, config.baseline, config.distil


def recipe(name, *arguments):
    return importlib.import_module(f"keras_kd.configs.funmatch.{name}").get_config(*arguments)


@pytest.mark.parametrize("length", ["fast", "medium", "long"])
@pytest.mark.parametrize("name", TABLE)
def test_a_recipe_has_the_papers_values(name, length):
    config = recipe(name, length)
    check(config)
    epochs, temperature, learning_rate, weight_decay = TABLE[name][length]
    distil = config.distil
    assert distil.total == f"{epochs} epochs"
    assert distil.methods.to_dict() == {"soft_targets": {"temperature": temperature}}
    assert (distil.learning_rate, distil.weight_decay) == (learning_rate, weight_decay)
    assert (distil.mode, distil.optimizer, distil.clip) == ("mix", "adamw", 1.0)
    assert distil.label_weight == 0.0 and not config.baseline.enabled
    # "scale_by_adam" of the authors' configs: eps and mu_dtype.
    optimizer = make_optimizer(distil, Lengths(10**6, config.batch_size))
    assert (optimizer.epsilon, optimizer.momentum_dtype) == (1e-8, "bfloat16")
    large = name == "imagenet"
    assert distil.warmup == ("5000 steps" if large else "1500 steps")
    assert config.batch_size == (4096 if large else 512)
    assert config.data.resolution == (224 if large else 128)
    # Short side to 160 px, or 256 px at 224: evaluation, and the mild crops of all stages.
    scale = 256 / 224 if large else 160 / 128
    assert config.data.eval_scale == scale and not config.data.eval_full_image
    assert {stage.rc_scale for stage in stages_of(config)} == {scale}
    data = (config.data.source, config.data.train_split, config.data.eval_split)
    assert (*data, config.teacher.handle.removeprefix("bit:")) == DATA[name]
    student = config.student.model
    assert (student.name, student.kwargs.to_dict()) == ("bit_resnet", {"depth": 50, "width": 1})
    # The paper's inception crop, and half of the images mirrored.
    assert tuple(config.data.crop_area) == (0.05, 1.0) and config.data.flip


@pytest.mark.parametrize("name", TABLE)
def test_medium_is_the_default_and_a_name_tells_its_length(name):
    assert recipe(name).to_json() == recipe(name, "medium").to_json()
    assert recipe(name, "long").name.startswith(f"{name}_long")


@pytest.mark.parametrize("name", TABLE)
def test_its_teacher_knows_the_classes_and_the_size(name):
    config = recipe(name)
    entry = PUBLISHED[config.teacher.handle.removeprefix("bit:")]
    classes = {"imagenet": 1000}.get(name) or int("".join(filter(str.isdigit, name)))
    assert (entry.depth, entry.width, entry.num_classes) == (152, 2, classes)
    assert entry.resolution == (config.data.teacher_resolution or config.data.resolution)


@pytest.mark.parametrize(
    ("words", "sides", "teachers"),
    [
        ("T384", (224, 384), [("bit:R152x2-imagenet384", None)]),
        ("S160", (160, 224), [("bit:R152x2-imagenet224", None)]),
        ("ensemble,long", (224, 384),
         [("bit:R152x2-imagenet224", 224), ("bit:R152x2-imagenet384", None)]),
    ],
)  # fmt: skip
def test_imagenets_other_pairs(words, sides, teachers):
    config = recipe("imagenet", words)
    check(config)
    assert (config.data.resolution, config.data.teacher_resolution) == sides
    assert handles.members(config.teacher.handle) == teachers
    # At every size the share of the image that the networks know from 256 to 224 px.
    scales = {config.data.eval_scale, *(stage.rc_scale for stage in stages_of(config))}
    assert scales == {256 / 224}
    assert config.distil.total == ("9600 epochs" if "long" in words else "1200 epochs")


@pytest.mark.parametrize("name", ["from_scratch", "out_of_domain", "pretrained_student"])
def test_the_baselines_have_the_small_sets_crops(name):
    config = importlib.import_module(f"keras_kd.configs.baselines.{name}").get_config()
    check(config)
    assert (config.data.resolution, config.data.eval_scale) == (128, 160 / 128)
    assert not config.data.eval_full_image
    assert {stage.rc_scale for stage in stages_of(config)} == {160 / 128}


@pytest.mark.parametrize(("word", "norm"), [("mobilenet_gn", "group"), ("mobilenet_bn", "batch")])
def test_imagenets_mobile_students(word, norm):
    config = recipe("imagenet", f"fast,{word}")
    check(config)
    model = config.student.model
    assert model.name == "mobilenet_v3_large" and model.name in BUILDERS
    assert (model.kwargs.alpha, model.kwargs.norm) == (1.0, norm)


def test_imagenet_by_shampoo():
    """Blocks, weight decay, Nesterov momentum, warm-up and decay of the paper."""
    config = recipe("imagenet", "fast,shampoo")
    check(config)
    distil = config.distil
    assert (distil.warmup, distil.weight_decay) == ("1800 steps", 3.75e-4)
    assert (distil.schedule, distil.clip, distil.total) == ("quadratic", 1.0, "300 epochs")
    optimizer = make_optimizer(distil, Lengths(4096 * 100, 4096))
    assert isinstance(optimizer, optimizers.Shampoo)
    assert (optimizer.block_size, optimizer.nesterov, optimizer.momentum) == (128, True, 0.9)
    assert optimizer.decoupled_weight_decay == 3.75e-4
    steps = np.array([0, 900, 1_800, 15_900, 30_000])  # of 300 epochs of 100 steps
    rates = [float(optimizer._learning_rate(step)) for step in steps]
    np.testing.assert_allclose(rates, [0.0, 0.015, 0.03, 0.03 / 4, 0.0], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "argument", "message"),
    [
        ("pets37", "lnog", "must be of medium, fast, long. Received: 'lnog'. Did you mean 'long'?"),
        ("pets37", "fast,long", "must name one length. Received: fast and long"),
        ("imagenet", "T383", "T384.*Received: 'T383'. Did you mean 'T38"),
        ("imagenet", "T384,ensemble", "one teacher. Received: T384 and ensemble"),
    ],
)
def test_an_unknown_variant_names_the_known_ones(name, argument, message):
    with pytest.raises(ValueError, match=message):
        recipe(name, argument)


def test_on_the_command_line_it_is_one_sentence(capsys, request):
    file = request.config.rootpath / "configs" / "funmatch" / "pets37.py"
    with flagsaver.flagsaver(), pytest.raises(FlagError) as refused:
        parse(["keras-kd-train", f"--config={file}:lnog"])
    assert explain("keras-kd-train", refused.value) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "Traceback" not in told
    assert told.startswith("keras-kd-train: the config's argument must be of medium, fast, long.")
    with flagsaver.flagsaver(), pytest.raises(FlagError, match="command line flag 'dry_runn'"):
        parse(["keras-kd-train", "--dry_runn"])
    with flagsaver.flagsaver():
        train.FLAGS.unparse_flags()
        rest = parse(["keras-kd-train", f"--config={file}:long", "--dry_run", "rest"])
        assert rest == ["keras-kd-train", "rest"]
        assert train.DRY_RUN.value and train.CONFIG.value.name == "pets37_long"

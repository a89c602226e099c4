"""USI: its settings are those of the published command, its teacher sees its own pixel values."""

import keras
import numpy as np
import pytest

from keras_kd import models, optimizers
from keras_kd.config import check
from keras_kd.configs import usi
from keras_kd.data.ops.cutmix import Cutmix
from keras_kd.data.ops.mixup import Mixup
from keras_kd.data.ops.randaugment_timm import RandaugmentTimm
from keras_kd.data.view import View, parse_mixer
from keras_kd.models.pixels import pixels_of

# Defaults of Alibaba-MIIL/Solving_ImageNet, train.py, for 8 x 128 images.
PUBLISHED = {"lr": 2e-3, "warmup_lr": 1e-4, "min_lr": 1e-6, "weight_decay": 2e-2, "epochs": 300}


def test_rates_are_the_published_ones_at_1024_and_in_proportion_elsewhere():
    large = usi.get_config("resnet,batch=1024").distil
    assert large.learning_rate == PUBLISHED["lr"] and large.first_rate == PUBLISHED["warmup_lr"]
    assert large.last_rate == PUBLISHED["min_lr"]
    small = usi.get_config("resnet,batch=128").distil
    for name in ("learning_rate", "first_rate", "last_rate", "weight_decay"):
        assert small[name] == pytest.approx(large[name] / 8)
    rate = optimizers.make_schedule(
        large.schedule, large.learning_rate, 300, 5,
        first_rate=large.first_rate, last_rate=large.last_rate,
    )  # fmt: skip
    assert [float(rate(s)) for s in (0, 5, 300)] == pytest.approx([1e-4, 2e-3, 1e-6], rel=1e-4)


def test_a_step_decays_as_pytorchs_adamw():
    """PyTorch: w * (1 - rate * decay), then Adam; of a gradient of 0 nothing else happens."""
    settings = usi.settings(1024)
    optimizer = optimizers.build(
        "adamw", settings["learning_rate"], settings["weight_decay"], settings["clip"],
        settings["optimizer_options"],
    )  # fmt: skip
    kernel = keras.Variable(np.float32([1.0]), name="kernel")
    optimizer.apply([np.float32([0.0])], [kernel])
    want = 1 - PUBLISHED["lr"] * PUBLISHED["weight_decay"]
    assert float(kernel.value[0]) == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize(
    "backbone", ["resnet", "mobilenet_v3_small", "vit", "mixer", "keras:MobileNetV2"]
)
def test_every_network_and_the_baseline_have_the_same_settings(backbone):
    config = usi.get_config(f"{backbone},teacher=teacher.keras")
    check(config)
    assert config.student.model.name == backbone and config.teacher.handle == "teacher.keras"
    recipe = usi.settings(128)
    for name, value in recipe.items():
        for stage in (config.distil, config.baseline):
            got = stage[name]
            assert (got.to_dict() if hasattr(got, "to_dict") else got) == value
    assert config.distil.methods.to_dict() == {"soft_targets": {"temperature": 1.0, "weight": 5.0}}
    assert parse_mixer(recipe["mix"]).mixers == (Mixup(0.8), Cutmix(1.0))
    assert View.parse(recipe["student_view"]).pixel_ops[-1] == RandaugmentTimm(2, 7, 0.5, 0.5)
    assert 1 / config.data.eval_scale == pytest.approx(0.95)


@pytest.mark.parametrize(("name", "millions"), [("vit", 0.7), ("mixer", 0.5)])
def test_transformer_and_mixer_fit_32_pixels(name, millions):
    student = usi.get_config(name).student.model
    model = models.build(student.name, 10, (32, 32, 3), **student.kwargs)
    assert model.get_layer("stem").output.shape[1:3] == (8, 8)
    assert round(model.count_params() / 1e6, 1) == millions


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("resnett", "Did you mean 'resnet'"),
        ("resnet,bach=64", r"after the network come teacher=.*'bach=64'.*'batch'"),
        ("resnet,batch=0", "batch must be a whole number above 0. Received: batch=0"),
        ("resnet,batch=all", "batch must be a whole number above 0. Received: batch=all"),
    ],
)
def test_mistakes_are_named(argument, message):
    with pytest.raises(ValueError, match=message):
        usi.get_config(argument)


def test_the_teachers_pixels_are_those_of_its_own_normalisation():
    """(x - mean) / std of pixels in [0, 1]. The public code, which divides the student's values by
    the quotient of deviations and then takes the difference of the means away, is exact only where
    that difference is 0."""
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    pixels = np.random.default_rng(0).uniform(size=(2, 4, 4, 3))
    image = keras.Input((4, 4, 3))
    model = keras.Model(image, pixels_of(None, "imagenet").convert(image, "to_imagenet"))
    got = model.predict(np.float32(2 * pixels - 1), verbose=0)
    np.testing.assert_allclose(got, (pixels - mean) / std, atol=1e-5)
    public = (2 * pixels - 1) / (std / 0.5) - (mean - 0.5)
    assert np.abs(got - public).max() > 0.1

"""Contract of every builder: logits, float32, stable names, errors that name what is known."""

import keras
import numpy as np
import pytest

from keras_kd import models

SMALL = {
    "bit_resnet": {"depth": (1, 1), "width": 0.25},
    "efficientnet_lite": {},
    "mixer": {"patch": 8, "width": 8, "depth": 1, "token_width": 4, "channel_width": 8},
    "mobilenet_v3_large": {"alpha": 0.35},
    "mobilenet_v3_small": {"alpha": 0.35, "minimalistic": True},
    "resnet": {"depth": 8},
    "resnet50": {},
    "vit": {"patch": 8, "width": 8, "depth": 1, "heads": 2, "mlp_width": 8},
}


def test_the_table_covers_every_builder():
    assert set(SMALL) | {"hub"} == set(models.BUILDERS)


@pytest.mark.parametrize("name", SMALL)
def test_contract(name):
    first = models.build(name, 7, (32, 32, 3), **SMALL[name])
    second = models.build(name, 7, (32, 32, 3), **SMALL[name])
    assert first.output_shape == (None, 7) and first.output.dtype == "float32"
    assert [x.name for x in first.layers] == [x.name for x in second.layers]
    names = {x.name for x in first.layers}
    assert {"stem", "pre_logits", "logits"} <= names and {"stage1", "block1"} & names
    assert len(first.get_layer("pre_logits").output.shape) == 2
    ends = [getattr(x, "activation", None) for x in first.layers[-1:]]
    assert ends == [keras.activations.linear]
    assert np.isfinite(first(np.ones((1, 32, 32, 3), "float32"))).all()


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "efficientnet_lite"])
def test_synchronized_reaches_every_batch_norm(name):
    model = models.build(name, 2, (32, 32, 3), synchronized=True)
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert len(norms) > 30 and all(norm.synchronized for norm in norms)


@pytest.mark.parametrize(("size", "count"), [("small", 2_554_968), ("large", 5_507_432)])
def test_mobilenet_counts_of_keras(size, count):
    # Published by Keras for 1,000 classes, batch norm statistics included.
    assert models.build(f"mobilenet_v3_{size}", 1000, (64, 64, 3)).count_params() == count


def test_mobilenet_equals_keras(tmp_path):
    ours = models.mobilenet_v3_small(9, (64, 64, 3))
    theirs = keras.applications.MobileNetV3Small(
        (64, 64, 3), weights=None, classes=9, classifier_activation=None,
        include_preprocessing=False,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    weights = [w + rng.uniform(0, 0.05, w.shape) for w in ours.get_weights()]
    ours.set_weights(weights)
    # Their classifier is a 1x1 convolution, ours a dense layer.
    theirs.set_weights([w.reshape(v.shape) for w, v in zip(weights, theirs.get_weights())])
    x = rng.uniform(-1, 1, (2, 64, 64, 3)).astype("float32")
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-4, atol=1e-4)
    assert np.std(ours(x)) > 1e-4
    ours.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "m.keras")(x), ours(x))
    sides = [ours.get_layer(n).output.shape[1] for n in ("stem", "stage1", "stage2", "stage4")]
    assert sides == [32, 16, 8, 2]


def test_mobilenet_bad_arguments():
    with pytest.raises(ValueError, match="at least 32 pixels"):
        models.mobilenet_v3_small(2, (16, 16, 3))
    with pytest.raises(ValueError, match="Received: alpha=0"):
        models.mobilenet_v3_small(2, (32, 32, 3), alpha=0)
    with pytest.raises(ValueError, match=r"Received: momentum=1.0"):
        models.mobilenet_v3_small(2, (32, 32, 3), momentum=1.0)


def test_unknown_name_and_argument():
    with pytest.raises(ValueError, match=r"(?s)'resnet50'.*Did you mean 'bit_resnet'"):
        models.build("bit_resnt", 2, (32, 32, 3))
    with pytest.raises(ValueError, match=r"(?s)resnet takes.*widht=2.*Did you mean 'width'"):
        models.build("resnet", 2, (32, 32, 3), widht=2)


def test_a_wrapper_makes_a_student_of_a_network():
    teacher = models.resnet(8, 0.5, 3, (8, 8, 3))
    asked = []

    def images_of(count):
        asked.append(count)
        return np.ones((count, 12, 12, 3), "float32")

    models.check("shrink", {"width": 0.5, "of": "there", "images": 4})
    student = models.wrap_network("shrink", teacher, 3, (12, 12, 3), images_of, 4, width=0.5)
    assert student.input_shape == (None, 12, 12, 3) and asked == [4]
    with pytest.raises(ValueError, match=r"the data's 5. Received: 'resnet8' of 3 classes"):
        models.wrap_network("shrink", teacher, 5, (8, 8, 3), images_of)
    with pytest.raises(ValueError, match="images"):
        models.wrap_network("shrink", teacher, 3, (8, 8, 3), images_of, images=0)
    with pytest.raises(ValueError, match=r"Received: model=1"):
        models.check("shrink", {"model": 1})

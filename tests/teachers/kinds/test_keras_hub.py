"""Networks of KerasHub teach as any Keras network does: as objects, and as the files they save."""

import keras
import numpy as np
import pytest

from keras_kd import models
from keras_kd.models.taps import tap_names
from keras_kd.teachers import freeze, load

keras_hub = pytest.importorskip(
    "keras_hub", reason="KerasHub is not installed: pip install keras-hub"
)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A small ResNet with random weights: (classifier, its file, the file of its backbone)."""
    keras.utils.set_random_seed(0)
    backbone = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64, 64],
        stackwise_num_blocks=[1, 1],
        stackwise_num_strides=[1, 2],
        block_type="basic_block",
        image_shape=(32, 32, 3),
    )
    classifier = keras_hub.models.ResNetImageClassifier(backbone=backbone, num_classes=4)
    folder = tmp_path_factory.mktemp("keras_hub")
    classifier.save(folder / "classifier.keras")
    backbone.save(folder / "backbone.keras")
    return classifier, str(folder / "classifier.keras"), str(folder / "backbone.keras")


def images(side=32):
    return np.random.default_rng(0).uniform(-1, 1, (2, side, side, 3)).astype("float32")


def test_a_classifier_teaches(files):
    classifier, path, _ = files
    for handle in (classifier, path):
        teacher = load(handle, 4, (32, 32, 3))
        np.testing.assert_allclose(teacher(images()), classifier(images()), atol=1e-6)
        frozen = freeze(teacher, engine="graph")
        np.testing.assert_allclose(frozen(images()), classifier(images()), atol=1e-4)
        assert frozen.facts["folded"]["batch_norm"] == 6
    assert any("stack1" in name for name in tap_names(teacher))


def test_a_backbone_starts_a_teacher_and_is_none_itself(files):
    *_, path = files
    with pytest.raises(ValueError, match=r"an output of shape \(None, 4, 4, 64\)"):
        load(path, 4, (32, 32, 3))
    network = models.start_from(path, 4, (48, 48, 3))
    np.testing.assert_array_equal(network(images(48)), np.zeros((2, 4)))
    assert network.trainable_variables

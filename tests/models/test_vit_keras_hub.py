"""KerasHub's ViT is ours with its weights, to rounding, and starts ours on other images."""

import keras
import numpy as np
import pytest
from token_networks import VIT, images, seeded

from keras_kd.models import start_from, vit
from keras_kd.models.vit_keras_hub import arrays_of

SQUARE = (12, 12, 3)


def test_other_models_are_none():
    assert arrays_of(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])) is None


@pytest.fixture(scope="module")
def classifier():
    hub = pytest.importorskip(
        "keras_hub", reason="KerasHub is not installed: pip install keras-hub"
    )
    backbone = hub.models.ViTBackbone(
        image_shape=SQUARE, patch_size=(4, 4), num_layers=3, num_heads=3, hidden_dim=12, mlp_dim=20
    )
    return seeded(hub.models.ViTImageClassifier(backbone=backbone, num_classes=5))


def test_it_is_ours(classifier, tmp_path):
    path = str(tmp_path / "classifier.keras")
    classifier.save(path)
    network = vit(num_classes=5, input_shape=SQUARE, approximate=False, **VIT)
    start_from(path, 5, SQUARE, network, keep_head=True)
    x = images(image=SQUARE)
    np.testing.assert_allclose(network(x), classifier(x), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r"model's depth=2. Received: .*, of depth=3"):
        start_from(path, 5, SQUARE, vit(num_classes=5, input_shape=SQUARE, **VIT | {"depth": 2}))


def test_its_backbone_starts_ours_on_other_images(classifier, tmp_path):
    path = str(tmp_path / "backbone.keras")
    classifier.backbone.save(path)
    network = start_from(path, 5, (20, 12, 3), vit(num_classes=5, input_shape=(20, 12, 3), **VIT))
    assert not network.get_layer("logits").kernel.numpy().any()
    np.testing.assert_array_equal(
        network.get_layer("stem").kernel, classifier.backbone.weights[1].numpy()
    )

"""Methods between tokens and maps: a transformer teaches a CNN, and a CNN a transformer."""

import keras
import numpy as np
import pytest
from token_networks import images, tiny

from keras_kd import KDModel, methods

IMAGE = (8, 8, 3)
CASES = [
    ("attention_transfer", "cnn", "vit"),
    ("attention_relation", "cnn", "vit"),
    ("hint", "vit", "cnn"),
    ("similarity_preserving", "mixer", "vit"),
]


@pytest.fixture(scope="module")
def networks():
    image = keras.Input(IMAGE)
    x = keras.layers.Conv2D(6, 3, strides=2, activation="gelu", name="stage2")(image)
    x = keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(x))
    return {
        "cnn": keras.Model(image, x),
        **{name: tiny(name, 4, IMAGE, depth=1) for name in ("vit", "mixer")},
    }


@pytest.mark.parametrize(("name", "student", "teacher"), CASES)
def test_maps_of_tokens_teach_and_learn(networks, name, student, teacher):
    taps = {kind: ["stage2" if kind == "cnn" else "block1_map"] for kind in networks}
    method = methods.get(name, student_taps=taps[student], teacher_taps=taps[teacher])
    # A copy: the other cases' student is to be new.
    kd = KDModel(keras.models.clone_model(networks[student]), networks[teacher], method)
    kd.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    before = [w.numpy() for w in networks[teacher].weights]
    losses = [float(np.ravel(kd.train_on_batch(images(8, IMAGE)))[0]) for _ in range(3)]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    for one, two in zip(networks[teacher].weights, before):
        np.testing.assert_array_equal(one, two)

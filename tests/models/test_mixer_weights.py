"""Published weights of Mixer: a file of their names, and what is refused."""

import numpy as np
import pytest
from token_networks import IMAGE, seeded, tiny

from keras_kd.models import load_mixer_npz, mixer, start_from

PARTS = {
    "norm1": "LayerNorm_0",
    "norm2": "LayerNorm_1",
    "token_mlp_hidden": "token_mixing/Dense_0",
    "token_mlp": "token_mixing/Dense_1",
    "channel_mlp_hidden": "channel_mixing/Dense_0",
    "channel_mlp": "channel_mixing/Dense_1",
}
OUTER = {"stem": "stem", "norm": "pre_head_layer_norm", "logits": "head"}


def published(model):
    """A model's weights by vision_transformer's names."""
    arrays = {}
    for weight in model.weights:
        layer, part = weight.path.split("/")
        part = {"gamma": "scale", "beta": "bias"}.get(part, part)
        block, _, inner = layer.partition("_")
        source = OUTER.get(layer) or f"MixerBlock_{int(block[5:]) - 1}/{PARTS[inner]}"
        arrays[f"{source}/{part}"] = weight.numpy()
    return arrays


def write(path, arrays):
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def donor():
    return tiny("mixer")


def test_round_trip_fills_every_weight(donor, tmp_path):
    path = write(tmp_path / "a.npz", published(donor))
    model = load_mixer_npz(seeded(tiny("mixer"), 3), path)
    for one, two in zip(model.weights, donor.weights):
        np.testing.assert_array_equal(one, two, err_msg=one.path)
    sizes = {"patch": 4, "width": 12, "depth": 3, "token_width": 5, "channel_width": 20}
    built = mixer(num_classes=5, input_shape=IMAGE, weights=path, **sizes)
    np.testing.assert_array_equal(built.weights[-2], donor.weights[-2])
    started = start_from(str(path), 7, IMAGE, mixer(num_classes=7, input_shape=IMAGE, **sizes))
    np.testing.assert_array_equal(started.weights[0], donor.weights[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 2}, "model's depth=2. Received: .*, of depth=3. Build mixer with these"),
        ({"token_width": 4}, "model's token_width=4. Received: .*, of token_width=5"),
        ({"image": (16, 12, 3)}, "for 6 patches in place of 12. Build mixer for images of"),
    ],
)
def test_other_sizes(donor, tmp_path, options, message):
    path = write(tmp_path / "a.npz", published(donor))
    with pytest.raises(ValueError, match=message):
        load_mixer_npz(tiny("mixer", **options), path)


def test_missing_arrays_and_other_models(donor, tmp_path):
    arrays = published(donor)
    del arrays["MixerBlock_1/token_mixing/Dense_1/bias"]
    path = write(tmp_path / "a.npz", arrays)
    with pytest.raises(ValueError, match=r"1 mismatches: MixerBlock_1/token_mixing/Dense_1/bias"):
        load_mixer_npz(tiny("mixer"), path)
    with pytest.raises(ValueError, match=r"must come from mixer. Received: model='vit'"):
        load_mixer_npz(tiny("vit"), path)

"""Published weights of ViT: files of all layouts, other grids, and what is refused."""

import math

import keras
import numpy as np
import pytest
from token_networks import images, seeded, tiny

from keras_kd.models import load_vit_npz, start_from, vit
from keras_kd.models.vit_weights import load_pretrained, resized_positions

IMAGE = (12, 12, 3)  # a grid of 3 by 3
HEADS = 3


def published(model, scan=False):
    """A model's weights as big_vision saves them, heads apart; `scan`: all blocks in one."""
    named = {w.path: w.numpy() for w in model.weights}

    def dense(source, name):
        return {f"{source}/{part}": named[f"{name}/{part}"] for part in ("kernel", "bias")}

    def norm(source, name):
        scale, bias = named[f"{name}/gamma"], named[f"{name}/beta"]
        return {f"{source}/scale": scale, f"{source}/bias": bias}

    arrays = dense("embedding", "stem") | {"pos_embedding": named["positions/positions"]}
    if "class_tokens/tokens" in named:
        arrays["cls"] = named["class_tokens/tokens"]
    blocks = []
    while (name := f"block{len(blocks) + 1}") + "_norm1/gamma" in named:
        block = norm("LayerNorm_0", f"{name}_norm1") | norm("LayerNorm_1", f"{name}_norm2")
        attention = "MultiHeadDotProductAttention_0"
        for part in ("query", "key", "value"):
            kernel, bias = named[f"{name}_{part}/kernel"], named[f"{name}_{part}/bias"]
            block[f"{attention}/{part}/kernel"] = kernel.reshape(len(kernel), HEADS, -1)
            block[f"{attention}/{part}/bias"] = bias.reshape(HEADS, -1)
        kernel = named[f"{name}_attention/kernel"]
        block[f"{attention}/out/kernel"] = kernel.reshape(HEADS, -1, kernel.shape[-1])
        block[f"{attention}/out/bias"] = named[f"{name}_attention/bias"]
        block |= dense("MlpBlock_0/Dense_0", f"{name}_mlp_hidden")
        block |= dense("MlpBlock_0/Dense_1", f"{name}_mlp")
        blocks.append(block)
    root = "Transformer/encoderblock"
    for key in blocks[0]:
        if scan:
            arrays[f"{root}/{key}"] = np.stack([block[key] for block in blocks])
        else:
            arrays |= {f"{root}_{i}/{key}": block[key] for i, block in enumerate(blocks)}
    return arrays | norm("Transformer/encoder_norm", "norm") | dense("head", "logits")


def old(arrays):
    """The same as vision_transformer's in21k files have it, with a layer before the classifier."""
    found = {"pre_logits/kernel": np.ones((12, 12), "float32"), "pre_logits/bias": np.ones(12, "f")}
    for name, array in arrays.items():
        for new, before in (
            ("MlpBlock_0", "MlpBlock_3"),
            ("LayerNorm_1", "LayerNorm_2"),
            ("MultiHeadDotProductAttention_0", "MultiHeadDotProductAttention_1"),
        ):
            name = name.replace(new, before)
        name = "Transformer/posembed_input/pos_embedding" if name == "pos_embedding" else name
        found[name] = array
    return found


def write(path, arrays):
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def donor():
    return tiny("vit", image=IMAGE)


@pytest.fixture(scope="module")
def model():
    return tiny("vit", image=IMAGE)


@pytest.fixture
def fresh(model):
    """A network of the donor's sizes, of other weights."""
    return seeded(model, 5)


def assert_same(model, donor):
    for one, two in zip(model.weights, donor.weights):
        np.testing.assert_array_equal(one, two, err_msg=one.path)


@pytest.mark.parametrize("layout", ["one by one", "scan", "params/", "opt/target/"])
def test_round_trip_fills_every_weight(donor, fresh, tmp_path, layout):
    arrays = published(donor, scan=layout == "scan")
    if layout.endswith("/"):
        arrays = {f"{layout}{name}": array for name, array in arrays.items()}
        arrays["opt/state/step"] = np.zeros(())
    assert_same(load_vit_npz(fresh, write(tmp_path / "a.npz", arrays)), donor)


def test_a_file_of_imagenet_21k(donor, fresh, tmp_path, logged):
    path = write(tmp_path / "a.npz", old(published(donor)))
    head = fresh.get_layer("logits").get_weights()
    load_vit_npz(fresh, path, head=False)
    for one, two in zip(fresh.weights[:-2], donor.weights[:-2]):
        np.testing.assert_array_equal(one, two)
    for one, two in zip(fresh.get_layer("logits").get_weights(), head):
        np.testing.assert_array_equal(one, two)
    left = "pre_logits/kernel, pre_logits/bias, head/kernel, head/bias"
    assert any(line.endswith(f"a.npz: {left}") for line in logged())
    with pytest.raises(ValueError, match="stands behind a layer pre_logits"):
        load_vit_npz(fresh, path)
    load_pretrained(fresh, path)  # as many classes, and still not its classifier
    np.testing.assert_array_equal(fresh.get_layer("logits").get_weights()[0], head[0])


def test_positions_without_the_class_token(donor, fresh, tmp_path):
    """big_vision adds positions before the class token comes: its token has none."""
    arrays = published(donor)
    arrays["cls"] = arrays["cls"] + arrays["pos_embedding"][:, :1]
    arrays["pos_embedding"] = arrays["pos_embedding"][:, 1:]
    load_vit_npz(fresh, write(tmp_path / "a.npz", arrays))
    np.testing.assert_allclose(fresh(images(image=IMAGE)), donor(images(image=IMAGE)), atol=1e-5)


def test_positions_are_resized_and_the_class_token_keeps_its_own(donor, tmp_path):
    path = write(tmp_path / "a.npz", published(donor))
    model = load_vit_npz(tiny("vit", image=(20, 16, 3)), path)
    found = model.get_layer("positions").positions.numpy()
    given = donor.get_layer("positions").positions.numpy()
    np.testing.assert_array_equal(found[:, 0], given[:, 0])
    grid, resized = given[0, 1:].reshape(3, 3, -1), found[0, 1:].reshape(5, 4, -1)
    for row in range(5):  # by hand: 0, 1/2, 1, 3/2, 2 down and 0, 2/3, 4/3, 2 across
        for column in range(4):
            y, x = row * 2 / 4, column * 2 / 3
            top, left = min(math.floor(y), 1), min(math.floor(x), 1)
            below, right = y - top, x - left
            expected = (1 - below) * (
                (1 - right) * grid[top, left] + right * grid[top, left + 1]
            ) + below * ((1 - right) * grid[top + 1, left] + right * grid[top + 1, left + 1])
            np.testing.assert_allclose(resized[row, column], expected, rtol=1e-4, atol=1e-6)


def test_positions_of_the_same_grid_are_as_they_were():
    positions = np.random.default_rng(0).normal(size=(1, 4, 3)).astype("float32")
    np.testing.assert_array_equal(resized_positions(positions, (2, 2)), positions)


def test_other_classes_and_other_beginnings(donor, tmp_path):
    path = write(tmp_path / "a.npz", published(donor))
    other = tiny("vit", num_classes=7, image=IMAGE, weights=path)
    assert other.get_layer("logits").units == 7
    with pytest.raises(ValueError, match=r"model's 7 classes. Received: .*, of 5 classes"):
        load_vit_npz(other, path)
    # The builder's own way: the classifier is the file's where it fits.
    sizes = {"patch": 4, "width": 12, "depth": 3, "heads": 3, "mlp_width": 20}
    assert_same(vit(num_classes=5, input_shape=IMAGE, weights=str(path), **sizes), donor)
    started = start_from(str(path), 5, IMAGE, vit(num_classes=5, input_shape=IMAGE, **sizes))
    assert not started.get_layer("logits").kernel.numpy().any()
    np.testing.assert_array_equal(started.weights[0], donor.weights[0])


def test_gap(tmp_path):
    donor = tiny("vit", image=IMAGE, pooling="gap")
    path = write(tmp_path / "a.npz", published(donor))
    assert_same(load_vit_npz(seeded(tiny("vit", image=IMAGE, pooling="gap"), 3), path), donor)
    with pytest.raises(ValueError, match=r"model's pooling='?token'?.*of pooling='?gap'?"):
        load_vit_npz(tiny("vit", image=IMAGE), path)


CHANGES = {
    "another depth": (
        lambda a: {n: x for n, x in a.items() if "encoderblock_2" not in n},
        "model's depth=3. Received: .*, of depth=2. Build vit with these",
    ),
    "another width and patch": (
        lambda a: a | {"embedding/kernel": np.zeros((2, 2, 3, 8))},
        "model's patch=4, width=12. Received: .*, of patch=2, width=8",
    ),
    "other heads": (
        lambda a: {n: x.reshape(12, 2, 6) if "query/kernel" in n else x for n, x in a.items()},
        "model's heads=3. Received: .*, of heads=2",
    ),
    "a grid that is not square": (
        lambda a: a | {"pos_embedding": np.zeros((1, 7, 12), "float32")},
        "of a square grid. Received: .*, with 7 positions",
    ),
    "a missing array": (
        lambda a: {n: x for n, x in a.items() if n != "Transformer/encoder_norm/bias"},
        r"1 mismatches: Transformer/encoder_norm/bias \(in the model, not in the file\)",
    ),
    "no positions": (
        lambda a: {n: x for n, x in a.items() if n != "pos_embedding"},
        r"pos_embedding \(in the model, not in the file\)",
    ),
    "an array too many": (
        lambda a: a | {"Transformer/extra": np.zeros(3)},
        r"Transformer/extra \(in the file, not used\)",
    ),
    "not a number": (
        lambda a: a | {"head/bias": np.full(5, np.nan)},
        "head/bias .5 of 5 values are not finite",
    ),
    "a hybrid": (
        lambda a: a | {"conv_root/kernel": np.zeros(1)},
        "a hybrid with a ResNet in front",
    ),
    "a MAP head": (
        lambda a: a | {"MAPHead_0/probe": np.zeros((1, 1, 12))},
        "of pooling=map, an attention",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_refused_and_changes_nothing(donor, fresh, tmp_path, change):
    other, message = CHANGES[change]
    before = fresh.get_weights()
    with pytest.raises(ValueError, match=message):
        load_vit_npz(fresh, write(tmp_path / "a.npz", other(published(donor))))
    for one, two in zip(fresh.get_weights(), before):
        np.testing.assert_array_equal(one, two)


def test_models_that_no_file_fits(donor, tmp_path):
    path = write(tmp_path / "a.npz", published(donor))
    with pytest.raises(ValueError, match=r"must come from vit. Received: model='mixer'"):
        load_vit_npz(tiny("mixer"), path)
    with pytest.raises(ValueError, match="know no distillation token"):
        load_vit_npz(tiny("vit", image=IMAGE, distillation=True), path)
    with pytest.raises(ValueError, match="not there"):
        load_vit_npz(donor, tmp_path / "none.npz")
    with pytest.raises(ValueError, match=r"must come from vit"):
        load_vit_npz(keras.Sequential([keras.Input((3,))]), path)

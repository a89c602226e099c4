"""Published BiT archives: both layouts, against a plain-TensorFlow pass over the file's arrays."""

import keras
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.models import bit_resnet, load_bit_npz
from keras_kd.models.bit.published import PUBLISHED

UNITS, WIDTH, CLASSES = (1, 2, 1, 1), 0.25, 5


def randomize(model, seed=0):
    """Weights of a trained network's size, with nothing at its neutral start."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        centre = 1.0 if weight.name == "gamma" else 0.0
        weight.assign(rng.normal(centre, 0.2, weight.shape))
    return model


def big_transfer(model, numbered=False):
    """The model's weights in big_transfer's layout; `numbered` as some of its files have it."""
    arrays, conv = {}, "standardized_conv2d"
    for index, layer in enumerate(layer for layer in model.layers if layer.weights):
        values = layer.get_weights()
        conv = f"standardized_conv2d_{index}" if numbered else conv
        match layer.name.split("_"):
            case ["root", "conv"] | ["stem"]:
                arrays[f"resnet/root_block/{conv}/kernel"] = values[0]
            case [block, unit, "proj"]:
                arrays[f"resnet/{block}/{unit}/a/proj/{conv}/kernel"] = values[0]
            case [block, unit, part] if part.startswith("conv"):
                letter = "abc"[int(part[-1]) - 1]
                arrays[f"resnet/{block}/{unit}/{letter}/{conv}/kernel"] = values[0]
            case [block, unit, part]:
                letter = "abc"[int(part[-1]) - 1]
                arrays[f"resnet/{block}/{unit}/{letter}/group_norm/gamma"] = values[0]
                arrays[f"resnet/{block}/{unit}/{letter}/group_norm/beta"] = values[1]
            case ["norm"]:
                arrays["resnet/group_norm/gamma"], arrays["resnet/group_norm/beta"] = values
            case ["logits"]:
                arrays["resnet/head/conv2d/kernel"] = values[0][None, None]
                arrays["resnet/head/conv2d/bias"] = values[1]
    return arrays


def big_vision(model, prefix="params/"):
    """The model's weights in big_vision's layout, scales and offsets as [1, 1, 1, C]."""
    arrays = {}
    for layer in (layer for layer in model.layers if layer.weights):
        values = layer.get_weights()
        block, _, rest = layer.name.partition("_")
        match layer.name.split("_"):
            case ["root", "conv"] | ["stem"]:
                arrays["root_block/conv_root/kernel"] = values[0]
            case [_, unit, "proj"]:
                arrays[f"{block}/{unit}/conv_proj/kernel"] = values[0]
            case [_, unit, part] if part.startswith("conv"):
                arrays[f"{block}/{unit}/{part}/kernel"] = values[0]
            case ["logits"]:
                arrays["head/kernel"], arrays["head/bias"] = values
            case _:
                unit, _, part = rest.rpartition("_")
                name = f"{block}/{unit}/gn{part[-1]}" if unit else "norm-pre-head"
                arrays[f"{name}/scale"] = values[0][None, None, None]
                arrays[f"{name}/bias"] = values[1][None, None, None]
    return {prefix + name: value for name, value in arrays.items()}


def write(path, arrays):
    np.savez(path, **arrays)
    return path


class Reference:
    """BiT as published, in tf.nn.* alone, on the arrays of a big_transfer file."""

    def __init__(self, path):
        with np.load(path) as file:
            self.arrays = {name: file[name] for name in file.files}

    def conv(self, x, name, stride=1):
        kernel = tf.constant(self.arrays[f"resnet/{name}/standardized_conv2d/kernel"])
        mean, variance = tf.nn.moments(kernel, [0, 1, 2], keepdims=True)
        kernel = (kernel - mean) / tf.sqrt(variance + 1e-10)
        pad = int(kernel.shape[0]) // 2
        return tf.nn.conv2d(
            tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]]), kernel, stride, "VALID"
        )

    def norm(self, x, name):
        y = tf.reshape(x, [*x.shape[:3], min(32, x.shape[-1]), -1])
        mean, variance = tf.nn.moments(y, [1, 2, 4], keepdims=True)
        y = tf.reshape((y - mean) / tf.sqrt(variance + 1e-5), x.shape)
        gamma, beta = (self.arrays[f"resnet/{name}group_norm/{w}"] for w in ("gamma", "beta"))
        return tf.nn.relu(y * gamma + beta)

    def layers(self, x, units):
        """{name of our layer: its output} for the root, every convolution of every unit, ..."""
        x = self.conv(x, "root_block", 2)
        x = tf.nn.max_pool2d(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), 3, 2, "VALID")
        seen = {"stem": x}
        for block, count in enumerate(units, 1):
            for unit in range(1, count + 1):
                name, ours = f"block{block}/unit{unit:02d}", f"block{block}_unit{unit:02d}"
                stride = 2 if block > 1 and unit == 1 else 1
                y, shortcut = self.norm(x, f"{name}/a/"), x
                if unit == 1:
                    shortcut = seen[f"{ours}_proj"] = self.conv(y, f"{name}/a/proj", stride)
                y = seen[f"{ours}_conv1"] = self.conv(y, f"{name}/a")
                y = seen[f"{ours}_conv2"] = self.conv(
                    self.norm(y, f"{name}/b/"), f"{name}/b", stride
                )
                y = seen[f"{ours}_conv3"] = self.conv(self.norm(y, f"{name}/c/"), f"{name}/c")
                x = y + shortcut
                seen[f"stage{block}" if unit == count else f"{ours}_add"] = x
        seen["pre_logits"] = x = tf.reduce_mean(self.norm(x, ""), [1, 2])
        kernel = self.arrays["resnet/head/conv2d/kernel"][0, 0]
        seen["logits"] = x @ kernel + self.arrays["resnet/head/conv2d/bias"]
        return seen


def images(*shape):
    return np.random.default_rng(1).uniform(-1, 1, shape).astype("float32")


def tiny(classes=CLASSES, units=UNITS, width=WIDTH, **kwargs):
    return bit_resnet(units, width, classes, (64, 64, 3), **kwargs)


@pytest.fixture(scope="module")
def donor():
    return randomize(tiny())


def assert_same(model, other):
    for a, b in zip(model.weights, other.weights):
        np.testing.assert_array_equal(a, b, err_msg=a.path)


@pytest.mark.parametrize(
    "layout",
    [
        big_transfer,
        lambda model: big_transfer(model, numbered=True),
        big_vision,
        lambda model: big_vision(model, prefix=""),
        lambda model: big_vision(model, prefix="opt/target/"),
    ],
    ids=["big_transfer", "numbered", "params", "bare", "opt_target"],
)
def test_round_trip(layout, donor, tmp_path):
    path = write(tmp_path / "a.npz", layout(donor))
    model = tiny()
    assert load_bit_npz(model, path) is model
    assert_same(model, donor)


def assert_agrees(model, path, units, side):
    expected = Reference(path).layers(tf.constant(images(2, side, side, 3)), units)
    taps = keras.Model(model.input, {name: model.get_layer(name).output for name in expected})
    outputs = taps(images(2, side, side, 3))
    for name, value in expected.items():
        # Standardised kernels make sums of a hundred and more, which float32 rounds accordingly.
        scale = max(1.0, float(np.std(value)))
        np.testing.assert_allclose(outputs[name] / scale, value / scale, atol=1e-4, err_msg=name)
    assert np.std(expected["logits"]) > 0.1


def test_every_layer_equals_plain_tensorflow_on_the_same_file(donor, tmp_path):
    path = write(tmp_path / "a.npz", big_transfer(donor))
    assert_agrees(load_bit_npz(tiny(), path), path, UNITS, 64)


@pytest.mark.slow
def test_every_layer_of_r50x1_equals_plain_tensorflow(tmp_path):
    donor = randomize(bit_resnet(50, 1, 37, (96, 96, 3)))
    path = write(tmp_path / "a.npz", big_transfer(donor))
    assert_agrees(bit_resnet(50, 1, 37, (96, 96, 3), weights=path), path, (3, 4, 6, 3), 96)


@pytest.mark.parametrize("layout", [big_transfer, big_vision])
def test_head_is_dropped_on_request(layout, donor, tmp_path):
    path = write(tmp_path / "a.npz", layout(donor))
    model = load_bit_npz(tiny(classes=7), path, head=False)
    np.testing.assert_array_equal(model.get_layer("logits").kernel, np.zeros((128 * 4, 7)))
    np.testing.assert_array_equal(model.layers[1].get_weights(), donor.layers[1].get_weights())
    x = images(2, 64, 64, 3)
    features = [keras.Model(m.input, m.get_layer("pre_logits").output)(x) for m in (model, donor)]
    np.testing.assert_array_equal(*features)
    with pytest.raises(ValueError, match=r"7 classes.*a file of 5 classes.*head=False.*=5"):
        load_bit_npz(model, path)


def test_head_may_be_missing_from_the_file(donor, tmp_path):
    arrays = {k: v for k, v in big_vision(donor).items() if "head/" not in k or "norm" in k}
    path = write(tmp_path / "a.npz", arrays)
    load_bit_npz(tiny(classes=2), path, head=False)
    with pytest.raises(ValueError, match=r"2 mismatches: head/bias \(in the model, not in"):
        load_bit_npz(tiny(), path)


def test_training_state_beside_the_weights_is_no_weight(donor, tmp_path):
    arrays = big_vision(donor) | {"opt/0/count": np.int32(3), "extra/step": np.int32(3)}
    assert_same(load_bit_npz(tiny(), write(tmp_path / "a.npz", arrays)), donor)


def test_half_precision_arrays(donor, tmp_path):
    for dtype in (np.float16, ml_dtypes.bfloat16):
        arrays = {name: value.astype(dtype) for name, value in big_vision(donor).items()}
        path = write(tmp_path / "a.npz", arrays)
        model = load_bit_npz(tiny(), path)
        for loaded, whole in zip(model.weights, donor.weights):
            np.testing.assert_array_equal(loaded, whole.numpy().astype(dtype).astype("float32"))


def test_builder_takes_a_file_and_keeps_a_zero_head_for_other_classes(donor, tmp_path):
    path = write(tmp_path / "a.npz", big_transfer(donor))
    assert_same(tiny(weights=path), donor)
    assert_same(tiny(weights=str(path)), donor)
    np.testing.assert_array_equal(tiny(9, weights=path)(images(1, 64, 64, 3)), np.zeros((1, 9)))


def test_every_misfit_is_listed_and_nothing_is_loaded(donor, tmp_path):
    arrays = big_transfer(donor)
    del arrays["resnet/block2/unit01/b/group_norm/beta"]
    arrays["global_step"] = np.int64(5)
    arrays["resnet/block1/unit01/a/group_norm/gamma"] = np.ones(7, "float32")
    arrays["resnet/block1/unit01/a/group_norm/beta"] = np.ones(16, "int32")
    arrays["resnet/head/conv2d/bias"] = np.array([0, np.nan, 1, -np.inf, 2], "float32")
    model = tiny()
    before = model.get_weights()
    with pytest.raises(ValueError, match="5 mismatches") as error:
        load_bit_npz(model, write(tmp_path / "a.npz", arrays))
    for text in (
        "block1/unit01/gn1/bias (no floats but int32)",
        "block1/unit01/gn1/scale (file (7,), model (16,))",
        "block2/unit01/gn2/bias (in the model, not in the file)",
        "global_step (in the file, not used)",
        "head/bias (2 of 5 values are not finite)",
    ):
        assert text in str(error.value)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_two_arrays_for_one_weight(donor, tmp_path):
    arrays = big_transfer(donor)
    kernel = "resnet/block1/unit01/a/standardized_conv2d/kernel"
    arrays[kernel.replace("2d/", "2d_3/")] = arrays[kernel]
    with pytest.raises(ValueError, match="two arrays for 'block1/unit01/conv1/kernel'"):
        load_bit_npz(tiny(), write(tmp_path / "a.npz", arrays))


@pytest.mark.parametrize("dtype", ["float32", "float16", ml_dtypes.bfloat16])
def test_values_that_are_not_finite(donor, tmp_path, dtype):
    """In whatever precision; a classifier that is not loaded may hold what it likes."""
    arrays = {name: value.astype(dtype) for name, value in big_vision(donor).items()}
    arrays["params/head/kernel"].fill(np.nan)
    path = write(tmp_path / "a.npz", arrays)
    message = r"1 mismatches: head/kernel \(2,560 of 2,560 values are not finite\)"
    with pytest.raises(ValueError, match=message):
        load_bit_npz(tiny(), path)
    load_bit_npz(tiny(), path, head=False)


@pytest.mark.parametrize("prefix", ["params/", "opt/target/"])
@pytest.mark.parametrize("bare_first", [True, False])
def test_a_weight_with_and_without_the_prefix(donor, tmp_path, prefix, bare_first):
    """Which of the two were meant cannot be told, whatever their order in the file."""
    both = [big_vision(donor, ""), big_vision(donor, prefix)]
    arrays = {**both[not bare_first], **both[bare_first]}
    with pytest.raises(ValueError, match="two arrays for 'root_block/conv_root/kernel', one of"):
        load_bit_npz(tiny(), write(tmp_path / "a.npz", arrays))


def test_other_depth_or_width_is_named(donor, tmp_path):
    path = write(tmp_path / "a.npz", big_transfer(donor))
    text = r"depth=\(1, 1\) and width=0.5.*seems to be of depth=\(1, 2, 1, 1\) and width=0.25"
    with pytest.raises(ValueError, match=text):
        load_bit_npz(tiny(units=(1, 1), width=0.5), path)
    deeper = {
        f"block{b}/unit{u:02d}/conv1/kernel": np.zeros(1)
        for b, u in ((1, 3), (2, 8), (3, 36), (4, 3))
    }
    deeper["root_block/conv_root/kernel"] = np.zeros((7, 7, 3, 128))
    with pytest.raises(ValueError, match="seems to be of depth=152 and width=2"):
        load_bit_npz(tiny(), write(tmp_path / "b.npz", deeper))


def test_other_root_other_norm_other_network(donor, tmp_path):
    path = write(tmp_path / "a.npz", big_transfer(donor))
    with pytest.raises(ValueError, match=r"conv_root/kernel \(file \(7, 7, 3, 16\), model \(3, 3"):
        load_bit_npz(tiny(small_root=True), path)
    for model in (tiny(norm="batch"), keras.Sequential([keras.Input((3,))])):
        with pytest.raises(ValueError, match="must come from bit_resnet with norm='group'"):
            load_bit_npz(model, path)
    path = write(tmp_path / "v1.npz", {"params/gn_root/scale": np.ones(64)})
    with pytest.raises(ValueError, match="post-activation ResNet"):
        load_bit_npz(donor, path)


def test_damaged_and_dangerous_files(donor, tmp_path):
    whole = write(tmp_path / "a.npz", big_transfer(donor)).read_bytes()
    path = tmp_path / "b.npz"
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    for content in (whole[: len(whole) // 2], whole[:-1000], bytes(flipped), b"", b"text"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"whole .npz file of plain arrays.*b\.npz"):
            load_bit_npz(tiny(), path)
    np.savez(path, **{"resnet/head/conv2d/bias": np.array([{}], dtype=object)})
    with pytest.raises(ValueError, match="pickled objects, which are never loaded"):
        load_bit_npz(tiny(), path)
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))  # one array, no archive
    with pytest.raises(ValueError, match="must be a whole"):
        load_bit_npz(tiny(), path)
    with pytest.raises(ValueError, match="not there"):
        load_bit_npz(tiny(), tmp_path / "none.npz")


def test_table_of_published_files():
    assert PUBLISHED["R152x2-flowers128"] == (
        "https://storage.googleapis.com/bit_models/distill/R152x2_T_flowers128.npz",
        152,
        2,
        102,
        128,
    )
    address = "https://storage.googleapis.com/bit_models/BiT-M-R50x1-ILSVRC2012.npz"
    assert PUBLISHED["R50x1-M-ILSVRC2012"].address == address
    addresses = [entry.address for entry in PUBLISHED.values()]
    assert len(set(addresses)) == len(addresses) == 8 + 3 * 6

"""EfficientNet-Lite: published sizes, the archive's round trip, and accuracy on photographs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.models import efficientnet_lite, load_efficientnet_npz
from keras_kd.models.efficientnet_lite import STAGES, _source_names, variant_of


# Published: 4.7 M, 5.4 M, 6.1 M, 8.2 M, 13.0 M; exact for the two archives.
@pytest.mark.parametrize(
    ("variant", "millions"), [(0, 4.652008), (1, 5.4), (2, 6.092072), (3, 8.2), (4, 13.0)]
)
def test_published_parameter_counts(variant, millions):
    model = efficientnet_lite(variant, 1000, (32, 32, 3))
    count = sum(int(np.prod(w.shape)) for w in model.trainable_weights) / 1e6
    assert count == millions if millions in (4.652008, 6.092072) else round(count, 1) == millions


def test_range_is_exact_for_every_pixel():
    pixels = np.arange(256, dtype="float32").reshape(1, 16, 16, 1)
    layer = efficientnet_lite(0, 2, (16, 16, 1)).get_layer("to_lite_range")
    np.testing.assert_allclose(layer(pixels / 127.5 - 1), (pixels - 127) / 128, atol=1e-6)


def write(path, model, change=lambda arrays: None):
    """Writes a model's weights in the archive's names and layout."""
    arrays = {}
    for name, (variable, axes) in _source_names(model, True).items():
        arrays[name] = np.asarray(variable.numpy()).transpose(np.argsort(axes))
    change(arrays)
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def donor():
    model = efficientnet_lite(0, 6, (32, 32, 3))
    rng = np.random.default_rng(0)
    model.set_weights([w + rng.uniform(0, 0.1, w.shape) for w in model.get_weights()])
    return model


def test_round_trip_fills_every_weight(donor, tmp_path):
    path = write(tmp_path / "a.npz", donor)
    model = load_efficientnet_npz(efficientnet_lite(0, 6, (32, 32, 3)), path)
    for one, two in zip(model.get_weights(), donor.get_weights()):
        np.testing.assert_array_equal(one, two)
    assert len(np.load(path).files) == 247  # as many as the published archive holds
    assert variant_of(path) == 0


def test_without_head_the_classifier_stays(donor, tmp_path):
    path = write(tmp_path / "a.npz", donor)
    model = load_efficientnet_npz(efficientnet_lite(0, 3, (32, 32, 3)), path, head=False)
    assert not model.get_layer("logits").kernel.numpy().any()
    np.testing.assert_array_equal(model.get_weights()[-4], donor.get_weights()[-4])
    with pytest.raises(ValueError, match=r"_fc.weight \(file \(1280, 6\), model \(1280, 3\)\)"):
        load_efficientnet_npz(model, path)


@pytest.mark.parametrize(
    ("variant", "blocks", "width"), [(0, 16, 320), (1, 21, 320), (2, 21, 352), (3, 24, 384),
                                     (4, 30, 448), (None, 16, 352), (None, 0, 0)]
)  # fmt: skip
def test_an_archive_tells_its_variant(tmp_path, variant, blocks, width):
    shapes = {f"_blocks.{i}._project_conv.weight": (width, 1, 1, 1) for i in range(blocks)}
    shapes["another"] = (1,)
    np.savez(tmp_path / "a.npz", **{name: np.zeros(shape) for name, shape in shapes.items()})
    assert variant_of(tmp_path / "a.npz") == variant


def test_mismatches_are_listed_and_change_nothing(donor, tmp_path):
    def change(arrays):
        del arrays["_blocks.3._bn1.running_var"]
        arrays["_extra.weight"] = np.zeros(3)
        arrays["_fc.bias"][2] = np.nan
        arrays["_bn0.bias"] = np.zeros(32, "int64")

    path = write(tmp_path / "a.npz", donor, change)
    model = efficientnet_lite(0, 6, (32, 32, 3))
    before = model.get_weights()
    with pytest.raises(ValueError, match="4 mismatches") as error:
        load_efficientnet_npz(model, path)
    for text in (
        "_blocks.3._bn1.running_var (in the model, not in the file)",
        "_extra.weight (in the file, not used)",
        "_fc.bias (1 of 6 values are not finite)",
        "_bn0.bias (no floats but int64)",
    ):
        assert text in str(error.value)
    for one, two in zip(model.get_weights(), before):
        np.testing.assert_array_equal(one, two)
    with pytest.raises(ValueError, match="Build the variant that the file holds"):
        load_efficientnet_npz(efficientnet_lite(2, 6, (32, 32, 3)), path)


def test_damaged_files(donor, tmp_path):
    whole = write(tmp_path / "a.npz", donor).read_bytes()
    cut = tmp_path / "cut.npz"
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, **{"_fc.bias": np.array([{}], dtype=object)})
    for content in (whole[: len(whole) // 2], b"", b"text"):
        cut.write_bytes(content)
        with pytest.raises(ValueError, match=r"whole .npz file of plain arrays"):
            load_efficientnet_npz(donor, cut)
    with pytest.raises(ValueError, match="does not read"):
        load_efficientnet_npz(donor, pickled)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    cut.write_bytes(bytes(flipped))
    with pytest.raises(ValueError, match="does not read"):
        load_efficientnet_npz(donor, cut)
    with pytest.raises(ValueError, match="not there"):
        load_efficientnet_npz(donor, tmp_path / "none.npz")
    with pytest.raises(ValueError, match="must come from efficientnet_lite"):
        load_efficientnet_npz(keras.Sequential([keras.Input((3,))]), tmp_path / "a.npz")


def test_bad_variant():
    with pytest.raises(ValueError, match="Received: variant=7"):
        efficientnet_lite(7)


def photographs(folder, count, side):
    """(images in [-1, 1], labels): the central S / (S + 32) of the shorter side, bicubic to S."""

    def parse(record):
        features = {
            "image": tf.io.FixedLenFeature([], tf.string),
            "label": tf.io.FixedLenFeature([], tf.int64),
        }
        example = tf.io.parse_single_example(record, features)
        image = tf.io.decode_jpeg(example["image"], 3)
        height, width = tf.shape(image)[0], tf.shape(image)[1]
        short = tf.cast(tf.minimum(height, width), tf.float32)
        crop = tf.cast(tf.round(short * side / (side + 32)), tf.int32)
        top, left = (height - crop) // 2, (width - crop) // 2
        image = image[top : top + crop, left : left + crop]
        image = tf.image.resize(image, (side, side), "bicubic")
        return image / 127.5 - 1, example["label"]

    (path,) = (folder / "imagenet_samples" / "1.0.0").glob("*.tfrecord*")
    return tf.data.TFRecordDataset(str(path)).take(count).map(parse).batch(50)


def top1(folder, weights, count, variant=0, side=224):
    model = efficientnet_lite(variant, 1000, (side, side, 3))
    load_efficientnet_npz(model, weights / f"efficientnet_lite{variant}.npz")
    hits = [
        np.argmax(model.predict_on_batch(images), -1) == labels.numpy()
        for images, labels in photographs(folder, count, side)
    ]
    return float(np.mean(np.concatenate(hits)))


def test_accuracy_on_a_hundred_photographs(real_data, real_weights):
    # Measured: 88 of the first 100.
    assert top1(real_data, real_weights, 100) == pytest.approx(0.88, abs=0.021)


@pytest.mark.slow
def test_accuracy_on_all_photographs(real_data, real_weights):
    # The figure that comes with the weights: 86.9 %. Measured here: 87.3 %.
    assert top1(real_data, real_weights, 1000) == pytest.approx(0.869, abs=0.01)


def test_stages_of_ones_own():
    """The published rows give the published network; others what is worked out by hand."""
    rows = [(e, k, n, c) for e, k, _, n, c in STAGES]
    model = efficientnet_lite(num_classes=1000, input_shape=(32, 32, 3), stages=rows)
    assert model.count_params() == efficientnet_lite(input_shape=(32, 32, 3)).count_params()
    small = efficientnet_lite(0, 2, (32, 32, 3), stages=[(1, 3, 1, 8)] * 7, head_channels=16)
    stem, norm = 27 * 32 + 4 * 32, lambda channels: 4 * channels
    first = 9 * 32 + norm(32) + 32 * 8 + norm(8)
    others = 6 * (9 * 8 + norm(8) + 8 * 8 + norm(8))
    assert small.count_params() == stem + first + others + 8 * 16 + norm(16) + 16 * 2 + 2
    for wrong in (rows[:6], [(1, 3, 1)] * 7, [(1, 3, 0, 8)] * 7):
        with pytest.raises(ValueError, match=r"of each of 7.*Received: stages="):
            efficientnet_lite(stages=wrong)

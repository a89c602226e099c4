"""What holds for every image op, those of tomorrow included."""

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.data import op_text, ops
from keras_kd.data.ops import OPS, base
from keras_kd.data.random_streams import Stream

SIZES = np.array([[9, 14], [14, 9], [1, 1], [30, 30], [2, 40], [57, 23]], np.int32)
KINDS = (base.Crop, base.PixelOp, base.FloatOp, base.Mixer)
ON_IMAGES = [name for name in OPS if not issubclass(OPS[name], base.Mixer)]
ON_CROPS = [name for name in OPS if issubclass(OPS[name], base.PixelOp)]
ON_FLOATS = [name for name in OPS if issubclass(OPS[name], base.FloatOp)]
CROPS = [name for name in OPS if issubclass(OPS[name], base.Crop)]
MIXERS = [name for name in OPS if issubclass(OPS[name], base.Mixer)]


def stream(op, seed=3, step=5):
    return Stream(seed, f"student {op.stream}", tf.cast(step, tf.int64))


def draw(op, *where, sizes=SIZES):
    own = stream(op, *where)
    return op.draw(own) if op.name in MIXERS else op.draw(tf.constant(sizes), own)


def arrays(drawn):
    return [np.asarray(value) for value in tf.nest.flatten(drawn)]


def test_every_file_of_the_folder_is_an_op_but_the_kinds():
    files = {path.stem for path in Path(ops.__file__).parent.glob("*.py")}
    assert files - {"__init__", "base"} == set(OPS)


@pytest.mark.parametrize("name", OPS)
def test_an_op_is_of_one_kind_frozen_and_explained(name):
    cls = OPS[name]
    assert sum(issubclass(cls, kind) for kind in KINDS) == 1
    assert cls.__name__ == "".join(part.title() for part in name.split("_"))
    assert cls.__doc__.startswith(f"`{name}")
    for field in dataclasses.fields(cls):
        assert field.name in cls.__doc__ and field.metadata["what"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        cls().anything = 1


@pytest.mark.parametrize("name", OPS)
def test_its_text_makes_an_equal_op(name):
    op = OPS[name]()
    assert op_text.parse(str(op), "view") == [op] and op_text.parse(name, "view") == [op]
    assert hash(pickle.loads(pickle.dumps(op))) == hash(op)


@pytest.mark.parametrize("name", OPS)
def test_parameters_are_refused_out_of_their_range(name):
    for field in dataclasses.fields(OPS[name]):
        rule = field.metadata
        bad = [float("nan"), float("inf"), "1", True, None]
        bad += [rule["low"] - 1e-6] if rule["low"] > -np.inf else []
        bad += [rule["low"]] if rule["above"] else []
        bad += [rule["high"] + 1e-6] if rule["high"] < np.inf else []
        for value in bad:
            with pytest.raises(
                ValueError, match=f"{field.name} of {name} .*Received: {field.name}"
            ):
                OPS[name](**{field.name: value})


@pytest.mark.parametrize("name", OPS)
def test_draws_depend_on_seed_step_and_stream_alone(name):
    """In eager code, in a graph, inside tf.data: the same numbers; another step, others."""
    op = OPS[name]()
    many = np.repeat(SIZES[-1:], 200, axis=0)
    want = arrays(draw(op, sizes=many))
    graph = tf.function(lambda: draw(op, sizes=many))()
    # With the step, since an op may draw nothing, and a data set is of something.
    mapped = tf.data.Dataset.range(5, 6).map(lambda step: (step, draw(op, 3, step, sizes=many)))
    for got in (graph, next(iter(mapped))[1], draw(op, sizes=many)):
        for one, other in zip(arrays(got), want, strict=True):
            np.testing.assert_array_equal(one, other)
    for where in ((4, 5), (3, 6)):
        pairs = zip(arrays(draw(op, *where, sizes=many)), want, strict=True)
        assert any((one != other).any() for one, other in pairs) == op.random


@pytest.mark.parametrize("name", ON_IMAGES)
def test_a_row_has_its_own_numbers_where_it_has_a_counter_of_its_own(name):
    op = OPS[name]()
    counters = tf.constant([7, 2**40, 7], tf.int64)
    sizes = tf.constant(np.repeat(SIZES[:1], 3, axis=0))
    drawn = op.draw(sizes, Stream(0, "fixed", counters))
    for values in arrays(drawn):
        assert len(values) == 3
        np.testing.assert_array_equal(values[0], values[2])
    one = op.draw(sizes[1:2], Stream(0, "fixed", counters[1:2]))
    for values, own in zip(arrays(drawn), arrays(one), strict=True):
        np.testing.assert_array_equal(values[1:2], own)


@pytest.mark.parametrize("name", CROPS)
def test_boxes_lie_inside_of_images_of_any_size(name):
    sizes = np.repeat(SIZES, 50, axis=0)
    boxes = draw(OPS[name](), sizes=sizes).numpy()
    assert boxes.dtype == np.int32 and boxes.shape == (300, 4)
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] >= 1).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= sizes).all()


@pytest.mark.parametrize("name", ON_CROPS + ON_FLOATS)
def test_it_does_inside_tf_data_what_it_does_alone(name):
    op = OPS[name]()
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    if name in ON_FLOATS:
        image = np.float32(image / 127.5 - 1)
    drawn = draw(op, sizes=np.repeat(SIZES[-1:], 8, axis=0))
    rows = tf.data.Dataset.range(8)
    inside = rows.map(lambda row: op.apply(tf.constant(image), one_of(drawn, row)))
    for row, got in enumerate(inside):
        want = op.apply(tf.constant(image), one_of(drawn, row))
        # What is reckoned in floats, a graph may reckon in another order.
        np.testing.assert_allclose(got, want, atol=1e-6)


def one_of(drawn, row):
    return tf.nest.map_structure(lambda values: values[row], drawn)


@pytest.mark.parametrize("name", ON_CROPS)
def test_what_happens_to_a_crop_leaves_bytes(name):
    op, rng = OPS[name](), np.random.default_rng(0)
    drawn = draw(op)
    apply = tf.function(op.apply)
    for row, (height, width) in enumerate(SIZES):
        for channels in (1, 3):
            image = rng.integers(0, 256, (height, width, channels), np.uint8)
            got = op.apply(tf.constant(image), one_of(drawn, row))
            assert got.dtype == tf.uint8 and got.shape[-1] == channels
            np.testing.assert_array_equal(apply(tf.constant(image), one_of(drawn, row)), got)


@pytest.mark.parametrize("name", ON_FLOATS)
def test_what_happens_to_a_resized_image_leaves_its_shape(name):
    op, rng = OPS[name](), np.random.default_rng(0)
    drawn = draw(op)
    for row in range(len(SIZES)):
        image = tf.constant(rng.uniform(-1, 1, (8, 8, 3)), tf.float32)
        got = op.apply(image, one_of(drawn, row))
        assert got.dtype == tf.float32 and got.shape == image.shape
        assert np.abs(got).max() <= 1


@pytest.mark.parametrize("name", MIXERS)
def test_a_mixer_leaves_the_image_the_heavier_one(name):
    """Of ones and zeros, the mean of what it makes is the image's share."""
    mixer = OPS[name]()
    for step in range(50):
        drawn = draw(mixer, 3, step)
        share = float(mixer.share(drawn))
        assert 0.5 <= share <= 1
        got = mixer.apply(tf.ones((16, 16, 3)), tf.zeros((16, 16, 3)), drawn).numpy()
        assert got.dtype == np.float32 and got.shape == (16, 16, 3)
        assert got.mean() == pytest.approx(share, abs=1e-6)

"""What a teacher of a mode fix/* sees, against NumPy; and that it depends on the example alone."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_kd.data import FixedViews, build_dataset, load_source
from keras_kd.data.random_streams import stream_seed, uniform
from keras_kd.data.views import Views


@pytest.fixture(scope="module")
def pictures():
    """Twelve pictures of noise, of different sizes: uint8 arrays."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (20 + 2 * i, 50 - 3 * i, 3), np.uint8) for i in range(12)]


@pytest.fixture(scope="module")
def source(pictures, tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    for index, picture in enumerate(pictures):
        folder = root / "train" / f"class{index // 6}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{index:02d}.png")
    return load_source(f"folder:{root}")


def bilinear(image, side):
    """Bilinear interpolation between pixels' centres, scaled to [-1, 1]."""

    def along(image, axis):
        length = image.shape[axis]
        place = (np.arange(side) + 0.5) * length / side - 0.5
        low = np.floor(place)
        share = (place - low).reshape([-1] + [1] * (image.ndim - 1 - axis))
        ends = (np.clip(low + i, 0, length - 1).astype(int) for i in (0, 1))
        first, second = (np.take(image, end, axis=axis) for end in ends)
        return first * (1 - share) + second * share

    return along(along(image.astype(np.float64), 0), 1) / 127.5 - 1


def central(image):
    height, width = image.shape[:2]
    side = (14 * min(height, width) + 7) // 16  # the nearest to 7/8, of two the smaller
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


CUTS = {"fix/rs": lambda image: image, "fix/cc": central}


@pytest.mark.parametrize("mode", list(CUTS))
def test_one_view_is_the_resized_image_or_its_central_crop(source, pictures, mode):
    (images,) = FixedViews(source, "train", mode, 16, crops=7).stream(12).as_numpy_iterator()
    sizes = source.split("train").sizes
    want = [bilinear(CUTS[mode](pictures[(height - 20) // 2]), 16) for height in sizes[:, 0]]
    np.testing.assert_allclose(images, want, atol=1e-5)


def test_a_student_beside_the_whole_image_sees_it_too(source, pictures):
    data = build_dataset(source, "train", "fix/rs", 12, 16, with_ids=True)
    examples = source.split("train")
    height = dict(zip(examples.ids.tolist(), examples.sizes[:, 0], strict=True))
    for x, _ in data.take(2).as_numpy_iterator():
        want = [bilinear(pictures[(height[one] - 20) // 2], 16) for one in x["id"].tolist()]
        np.testing.assert_allclose(x["student"], want, atol=1e-5)


@pytest.mark.parametrize("fixed,same", [("fix/cc", "same/rc"), ("fix/ic_ens", "same/ic")])
def test_the_student_sees_what_it_would_with_a_live_teacher(source, fixed, same):
    """The modes differ in the teacher alone."""
    one, other = (
        build_dataset(source, "train", mode, 8, 16, 3).take(3).as_numpy_iterator()
        for mode in (fixed, same)
    )
    for (x, y), (image, label) in zip(one, other, strict=True):
        np.testing.assert_array_equal(x["student"], image)
        np.testing.assert_array_equal(y, label)


def test_views_come_example_by_example_in_batches_of_any_size(source):
    fixed = FixedViews(source, "train", "fix/ic_ens", 8, crops=5)
    whole = np.concatenate(list(fixed.stream(12).as_numpy_iterator()))[:7]
    got = list(fixed.stream(7, start=4).as_numpy_iterator())
    assert len(got) == 5 and {len(batch) for batch in got} == {7}
    joined = np.concatenate([*fixed.stream(7).take(4).as_numpy_iterator(), *got])
    np.testing.assert_array_equal(joined[:7], whole)
    np.testing.assert_array_equal(joined[60:], joined[[59, 59, 59]])  # filled up
    np.testing.assert_array_equal(fixed.at([6, 0, 11], [3, 0, 4]), joined[[33, 0, 59]])
    flat = joined[:60].reshape(60, -1)
    assert len(np.unique(flat, axis=0)) == 60


def test_an_example_has_the_same_views_in_every_split_and_another_seed_gives_others(source):
    fixed = FixedViews(source, "train", "fix/ic_ens", 8, crops=3)
    part = FixedViews(source, "train[50%:]", "fix/ic_ens", 8, crops=9)
    np.testing.assert_array_equal(fixed.at([7, 7], [0, 2]), part.at([1, 1], [0, 2]))
    other = FixedViews(source, "train", "fix/ic_ens", 8, crops=3, seed=1)
    assert (
        (fixed.at([7, 7], [0, 2]).numpy() != other.at([7, 7], [0, 2]).numpy()).any((1, 2, 3)).all()
    )


def test_crops_are_distributed_as_the_students():
    """Area, place and mirroring of 4,000 crops each way: within four standard errors."""
    views = Views.of_mode("fix/ic_ens")
    sizes = tf.constant([[120, 90]] * 4000)
    ids, numbers = tf.fill([4000], tf.constant(3, tf.int64)), tf.range(4000, dtype=tf.int64)
    # As a graph, as in the pipeline: row by row it would take a minute.
    mine = tf.function(lambda: views.draw_fixed(sizes, ids, numbers, 0))()["fixed"]["pixels"]
    theirs = views.draw(sizes, 0, tf.constant(0, tf.int64))["student"]["pixels"]

    def facts(drawn):
        boxes, flips = drawn[0].numpy().astype(float), drawn[1].numpy()
        area = boxes[:, 2] * boxes[:, 3] / (120 * 90)
        centre = (boxes[:, :2] + boxes[:, 2:] / 2) / [120, 90]
        return np.column_stack([area, centre, boxes[:, 3] / boxes[:, 2], flips])

    mine, theirs = facts(mine), facts(theirs)
    error = np.sqrt(mine.var(0) / 4000 + theirs.var(0) / 4000)
    assert (np.abs(mine.mean(0) - theirs.mean(0)) < 4 * error).all()
    assert mine[:, 0].min() < 0.06 and mine[:, 0].max() > 0.9
    # Neighbouring crops have nothing to do with one another.
    correlation = np.corrcoef(mine[1:, 0], mine[:-1, 0])[0, 1]
    assert abs(correlation) < 4 / np.sqrt(4000)


def test_a_seed_a_row_gives_each_row_what_its_seed_alone_gives():
    seeds = stream_seed(5, "any", tf.constant([0, 7, 2**40], tf.int64))
    rows = uniform([3, 6], seeds)
    for row, counter in zip(rows, (0, 7, 2**40), strict=True):
        one = stream_seed(5, "any", tf.constant(counter, tf.int64))
        np.testing.assert_array_equal(row, uniform([6], one))


def test_only_random_crops_are_mirrored(source):
    """Of noise a mirrored picture is another one."""
    for mode in ("fix/rs", "fix/cc"):
        on, off = (FixedViews(source, "train", mode, 8, flip=flip) for flip in (True, False))
        np.testing.assert_array_equal(*(next(iter(each.stream(12))) for each in (on, off)))
    on, off = (
        FixedViews(source, "train", "fix/ic_ens", 8, crops=20, flip=flip) for flip in (True, False)
    )
    on, off = (np.concatenate(list(e.stream(24).as_numpy_iterator())) for e in (on, off))
    same, mirrored = ((on == other).all((1, 2, 3)) for other in (off, off[:, :, ::-1]))
    assert (same ^ mirrored).all() and abs(mirrored.mean() - 0.5) < 4 * 0.5 / np.sqrt(240)


def test_what_counts_is_described_and_no_more(source):
    def fields(mode, **changes):
        return FixedViews(source, "train", mode, 8, **changes).describe()

    for mode in ("fix/rs", "fix/cc"):
        assert fields(mode) == fields(mode, seed=1, crops=2, flip=False, crop_area=(0.5, 1.0))
    base = fields("fix/ic_ens")
    for change in ({"seed": 1}, {"crops": 2}, {"flip": False}, {"crop_area": (0.5, 1.0)}):
        assert fields("fix/ic_ens", **change) != base
    assert fields("fix/cc", rc_scale=2.0) != fields("fix/cc")


@pytest.mark.parametrize(
    "change,message",
    [
        ({"mode": "mix"}, r"belong to fix/rs, fix/cc, fix/ic_ens\. Received: mode='mix'"),
        ({"mode": "fix/icens"}, "Did you mean 'fix/ic_ens'"),
        ({"crops": 0}, r"crops must be a whole number of at least 1\. Received: crops=0"),
        ({"crops": 2**20 + 1}, r"crops must be at most 1,048,576\. Received: crops=1048577"),
        ({"crops": 2.0}, "crops=2.0"),
        ({"crop_area": (0.5, 0.1)}, "crop_area must be two numbers"),
        ({"resolution": 0}, "resolution must be a whole number of at least 1"),
    ],
)
def test_bad_arguments(source, change, message):
    arguments = {"source": source, "split": "train", "mode": "fix/ic_ens", "resolution": 8}
    with pytest.raises(ValueError, match=message):
        FixedViews(**(arguments | change))

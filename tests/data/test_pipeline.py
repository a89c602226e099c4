"""Batches as a pure function of (seed, step), views, mixup, workers and evaluation."""

import dataclasses
import hashlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from batches import assert_same, batches

from keras_kd.data import build_dataset, load_source
from keras_kd.data.byte_ranges import ByteRanges
from keras_kd.data.modes import MODES
from keras_kd.data.views import Views

UNMIXED = [mode for mode in MODES if not Views.of_mode(mode).mixes]
FIXED = [mode for mode in MODES if mode.startswith("fix/")]


def digest(stream):
    sha = hashlib.sha256()
    for array in tf.nest.flatten(stream):
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


@pytest.mark.parametrize("mode", list(MODES))
def test_start_step_is_skip(photos, mode):
    args = (photos, "train", mode, 12, 16, 7)
    whole = batches(8, *args, with_ids=True)  # Meets the end of two epochs of 40.
    for k in (1, 6):
        assert_same(whole[k:], batches(8 - k, *args, start_step=k, with_ids=True))


# Every op that recipes add, and one image in several rows.
RECIPE = {
    "student": "inception_crop(0.3,1)|flip|randaugment_timm(2,7,0.5)|color_jitter|grayscale"
    "|jpeg_quality|random_erasing",
    "mix": "mixup(0.8)|cutmix(1,16)",
}


def test_a_recipes_batches_are_functions_of_seed_and_step(photos):
    """From any step on, for any number of workers, with a teacher of another size or without."""
    args, options = (photos, "train", RECIPE, 12, 16, 7), {"with_ids": True, "repeats": 3}
    whole = batches(4, *args, one_hot=True, **options)
    (later,) = batches(1, *args, start_step=3, one_hot=True, **options)
    assert_same(whole[3], later)
    shares = [
        batches(1, *args, num_workers=2, worker_index=w, one_hot=True, **options)[0]
        for w in range(2)
    ]
    joined = tf.nest.map_structure(lambda *values: np.concatenate(values), *shares)
    assert_same(whole[0], joined)
    (both,) = batches(1, *args, num_steps=1, teacher_resolution=32, one_hot=True, **options)
    np.testing.assert_array_equal(both[0]["student"], whole[0][0]["image"])
    np.testing.assert_array_equal(both[1], whole[0][1])
    (x, y) = whole[0]
    assert (np.unique(x["id"], return_counts=True)[1] == 3).all()
    copies = [np.flatnonzero(x["id"] == one) for one in np.unique(x["id"])]
    assert all((x["image"][a] != x["image"][b]).any() for a, b, _ in copies)
    np.testing.assert_allclose(y.sum(axis=1), 1, atol=1e-6)


def test_student_and_teacher_see_one_changed_image_at_two_sizes():
    """Images of 32 px that the student sees as they were changed, the teacher twice as large."""
    source = load_source("digits")
    view = {"student": "whole_image|randaugment(2,9)|random_erasing(1)"}
    data = build_dataset(source, "train", view, 16, 8, seed=2, teacher_resolution=24)
    x, _ = next(data.as_numpy_iterator())
    levels = (x["student"] + 1) * 127.5
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)  # bytes: nothing came after
    want = tf.image.resize(np.round(levels), (24, 24)) / 127.5 - 1
    np.testing.assert_allclose(x["teacher"], want, atol=1e-5)
    plain, _ = next(build_dataset(source, "train", {"student": "whole_image"}, 16, 8, seed=2)
                    .as_numpy_iterator())  # fmt: skip
    assert (np.abs(plain - x["student"]).max(axis=(1, 2, 3)) > 0.1).all()


def test_an_image_cannot_stand_in_a_batch_more_often_than_there_are_rows(digits):
    with pytest.raises(ValueError, match=r"Received: repeats=9, batch_size=8"):
        build_dataset(digits, "train", "same/ic", 8, 8, repeats=9)


def test_far_start_step(digits):
    far = batches(2, digits, "train", "mix", 8, 8, start_step=10**9)
    assert_same(far[1], batches(1, digits, "train", "mix", 8, 8, start_step=10**9 + 1)[0])


def test_a_far_start_reads_the_bytes_of_its_own_batches_only(photos, monkeypatch):
    """No replay: what is read before the first batch is that batch and what is prefetched."""
    read = []
    plain = ByteRanges.read
    monkeypatch.setattr(ByteRanges, "read", lambda self, p: read.append(p) or plain(self, p))
    (x, _) = batches(
        1, photos, "train", "mix", 12, 16, start_step=100_000, num_steps=1, with_ids=True
    )[0]
    positions = np.searchsorted(photos.split("train").ids, x["id"])
    assert sorted(read) == sorted(positions.tolist())


def test_another_process_gives_the_same_batches(photos):
    options = {"seed": 11, "start_step": 5, "num_steps": 2, "with_ids": True}
    code = (
        "import hashlib, numpy as np, tensorflow as tf\n"
        "from keras_kd.data import build_dataset\n"
        "sha = hashlib.sha256()\n"
        f"data = build_dataset({photos.name!r}, 'train', 'mix', 12, 16, **{options!r})\n"
        "for array in tf.nest.flatten(list(data.as_numpy_iterator())):\n"
        "    sha.update(np.ascontiguousarray(array).tobytes())\n"
        "print(sha.hexdigest())\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    here = list(build_dataset(photos, "train", "mix", 12, 16, **options).as_numpy_iterator())
    assert result.stdout.split()[-1] == digest(here)


def test_seed_and_step_change_the_batch(digits):
    first, second = batches(2, digits, "train", "same/ic", 16, 8)
    other = batches(1, digits, "train", "same/ic", 16, 8, seed=1)[0]
    assert digest(first) != digest(second) and digest(first) != digest(other)


@pytest.mark.parametrize("batch_size", [7, 10, 40])
def test_each_epoch_holds_each_example_once(photos, batch_size):
    data = build_dataset(photos, "train", "same/rc", batch_size, 8, with_ids=True)
    steps = 40 * 7 // batch_size
    ids = np.concatenate([x["id"] for x, _ in data.take(steps).as_numpy_iterator()])
    epochs = ids.reshape(-1, 40)[:7]
    np.testing.assert_array_equal(np.sort(epochs, axis=1), np.tile(np.arange(40), (7, 1)))
    assert len(np.unique(epochs, axis=0)) == 7


@pytest.mark.parametrize("mode", list(MODES))
def test_structure_of_a_batch(photos, mode):
    data = build_dataset(photos, "train", mode, 8, 16)
    x, y = data.element_spec
    keys = {"ind": ["student", "teacher"], "fix": ["student"]}.get(mode[:3])
    assert (sorted(x) if isinstance(x, dict) else None) == keys
    for spec in tf.nest.flatten(x):
        assert spec == tf.TensorSpec([8, 16, 16, 3], tf.float32)
    assert y == tf.TensorSpec([8], tf.int32)
    assert data.cardinality() == tf.data.INFINITE_CARDINALITY
    x, y = build_dataset(
        photos, "train", mode, 8, 16, teacher_resolution=24, with_ids=True, one_hot=True
    ).element_spec
    assert sorted(x) == ["id", "student"] + ["teacher"] * (mode not in FIXED)
    assert x["student"].shape == [8, 16, 16, 3]
    assert mode in FIXED or x["teacher"].shape == [8, 24, 24, 3]
    assert x["id"] == tf.TensorSpec([8], tf.int64) and y == tf.TensorSpec([8, 4], tf.float32)
    values = next(iter(data))[0]
    for value in tf.nest.flatten(values):
        assert -1 <= value.numpy().min() < value.numpy().max() <= 1


def test_ids_beside_a_shared_image(digits):
    (x, _), (plain, _) = (
        batches(1, digits, "train", "mix", 8, 8, with_ids=ids)[0] for ids in (True, False)
    )
    assert sorted(x) == ["id", "image"]
    np.testing.assert_array_equal(x["image"], plain)


@pytest.mark.parametrize("mode", ["same/rc", "same/ic", "mix"])
def test_two_sizes_show_the_same_pixels(digits, mode):
    """With the teacher at the student's size the pixels are the same bit for bit; at another size
    they come from the same box, flip and coefficient."""
    shared = batches(3, digits, "train", mode, 32, 8)
    doubled = batches(3, digits, "train", mode, 32, 8, teacher_resolution=24)
    for (x, y), (both, y2) in zip(shared, doubled):
        np.testing.assert_array_equal(x, both["student"])
        np.testing.assert_array_equal(y, y2)
        # 3 x 3 bilinear steps per pixel: the middle one lies where the small image's pixel does.
        middle = both["teacher"][:, 1::3, 1::3]
        np.testing.assert_allclose(middle, both["student"], atol=1e-5)


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode not in FIXED])
def test_without_the_teachers_view_the_student_sees_the_same(photos, mode):
    x, y = batches(1, photos, "train", mode, 8, 16, teacher_resolution=24)[0]
    alone, labels = batches(
        1, photos, "train", mode, 8, 16, teacher_resolution=24, teacher_view=False
    )[0]
    np.testing.assert_array_equal(alone, x["student"])
    np.testing.assert_array_equal(labels, y)
    x, _ = batches(1, photos, "train", mode, 8, 16, teacher_view=False, with_ids=True)[0]
    assert sorted(x) == ["id", "image"]


@pytest.mark.parametrize("mode", ["ind/rc", "ind/ic"])
def test_independent_views_differ_but_show_one_example(photos, mode):
    x, _ = batches(1, photos, "train", mode, 32, 16)[0]
    same = [np.array_equal(s, t) for s, t in zip(x["student"], x["teacher"])]
    assert sum(same) < 8
    # The blue channel is constant within an example.
    np.testing.assert_allclose(
        x["student"][..., 2].mean((1, 2)), x["teacher"][..., 2].mean((1, 2)), atol=0.03
    )


def test_half_of_the_images_are_flipped_and_none_where_it_is_off(photos):
    def rising(flip):  # Red grows to the right unless the image is mirrored.
        data = build_dataset(photos, "train", "same/ic", 40, 16, flip=flip)
        images = np.concatenate([x for x, _ in data.take(10).as_numpy_iterator()])
        return (images[:, :, -1, 1] > images[:, :, 0, 1]).mean()

    assert rising(False) == 1.0
    assert abs(rising(True) - 0.5) < 0.1  # 400 coins: four standard deviations.


def test_images_and_labels_belong_together(photos):
    examples = photos.split("train")
    for mode in UNMIXED:
        x, y = batches(1, photos, "train", mode, 40, 16, with_ids=True)[0]
        position = np.array([np.flatnonzero(examples.ids == one)[0] for one in x["id"]])
        np.testing.assert_array_equal(y, examples.labels[position])
        blue = (x.get("student", x.get("image"))[..., 2].mean((1, 2)) + 1) * 127.5 / 6
        np.testing.assert_array_equal(np.rint(blue).astype(int) % 4, y)


def test_mix_is_same_ic_mixed_with_the_rolled_batch(photos):
    plain = batches(4, photos, "train", "same/ic", 12, 16, one_hot=True)
    mixed = batches(4, photos, "train", "mix", 12, 16, one_hot=True)
    hard = batches(4, photos, "train", "mix", 12, 16)
    seen = set()
    for step, ((x, y), (mixed_x, mixed_y), (_, label)) in enumerate(zip(plain, mixed, hard)):
        a = float(Views.of_mode("mix").draw_mix(0, tf.constant(step, tf.int64)))
        partner = [11, *range(11)]
        want = a * x.astype(np.float64) + (1 - a) * x[partner]
        np.testing.assert_allclose(mixed_x, want, atol=1e-6)
        np.testing.assert_allclose(mixed_y, a * y + (1 - a) * y[partner], atol=1e-6)
        np.testing.assert_allclose(mixed_y.sum(1), 1.0, atol=1e-6)
        np.testing.assert_array_equal(label, y.argmax(1))  # The heavier image's.
        assert 0.5 <= a <= 1
        seen.add(a)
    assert len(seen) == 4


# Each kind of view once; the others are slow.
SHORT = ("same/ic", "ind/ic", "fix/ic_ens", "mix/sc")
EACH = [
    pytest.param(mode, False, marks=() if mode in SHORT else pytest.mark.slow) for mode in MODES
]


@pytest.mark.parametrize("mode,one_hot", [*EACH, ("mix", True)])
def test_workers_are_disjoint_and_together_one(photos, mode, one_hot):
    options = {"seed": 2, "one_hot": one_hot, "with_ids": True}
    whole = batches(5, photos, "train", mode, 12, 16, **options)
    shares = [
        batches(5, photos, "train", mode, 12, 16, num_workers=3, worker_index=w, **options)
        for w in range(3)
    ]
    for step, one in enumerate(whole):
        parts = [share[step] for share in shares]
        joined = tf.nest.map_structure(lambda *values: np.concatenate(values), *parts)
        assert_same(one, joined)
        assert parts[0][1].shape[0] == 4
    # Within the first epoch (40 = 3 batches and a rest) no example goes to two workers.
    ids = [{i for x, _ in share[:3] for i in x["id"].tolist()} for share in shares]
    assert not (ids[0] & ids[1] or ids[0] & ids[2] or ids[1] & ids[2])
    assert len(set.union(*ids)) == 36


def test_num_steps_counts_from_the_start_step(digits):
    data = build_dataset(digits, "train", "same/rc", 4, 8, start_step=3, num_steps=5)
    assert data.cardinality() == 5 and len(list(data)) == 5


# ---- errors


@pytest.mark.parametrize(
    "change,message",
    [
        ({"mode": "mixx"}, r"mode must be one of fix/rs.*mode='mixx'\. Did you mean 'mix'\?"),
        ({"mode": "same/rs"}, r"Did you mean 'same/r?"),
        ({"mode": "fix/ic-ens"}, r"Did you mean 'fix/ic_ens'"),
        ({"batch_size": 41}, r"holds 40 readable images. Received: batch_size=41"),
        ({"batch_size": 0}, r"batch_size must be a whole number of at least 1. Received"),
        ({"batch_size": 8.0}, r"batch_size must be a whole number"),
        ({"batch_size": 1}, r"'mix' needs at least two images to mix. Received: batch_size=1"),
        ({"resolution": 0}, r"resolution must be a whole number of at least 1"),
        ({"teacher_resolution": -3}, r"teacher_resolution must be .* Received: teacher_resolution"),
        ({"start_step": -1}, r"start_step must be a whole number of at least 0"),
        ({"num_steps": 0}, r"num_steps must be a whole number of at least 1"),
        ({"num_workers": 3}, r"divide evenly.*batch_size=8, num_workers=3. Take a multiple of 3"),
        ({"num_workers": 0}, r"num_workers must be a whole number of at least 1"),
        ({"num_workers": 2, "worker_index": 2}, r"worker_index must lie in \[0, 2\)"),
        (
            {"crop_area": (0.0, 1.0)},
            r"crop_area must be two numbers with 0 < lowest <= highest <= 1",
        ),
        ({"crop_area": (0.5, 1.5)}, r"Received: crop_area=\(0.5, 1.5\)"),
        ({"crop_area": 0.5}, r"crop_area must be two numbers.*Received: crop_area=0.5"),
        ({"crop_aspect": (2, 1)}, r"crop_aspect must be two numbers with 0 < lowest <= highest\."),
        ({"rc_scale": 0.9}, r"rc_scale must be finite and at least 1. Received: rc_scale=0.9"),
        ({"mixup_alpha": 0}, r"mixup_alpha must be a positive number"),
        ({"split": "test"}, r"has the splits \['train'\]"),
        ({"source": "digit"}, r"Did you mean 'digits'"),
    ],
)
def test_bad_arguments(photos, change, message):
    arguments = {
        "source": photos,
        "split": "train",
        "mode": "mix",
        "batch_size": 8,
        "resolution": 8,
    }
    with pytest.raises(ValueError, match=message):
        build_dataset(**(arguments | change))


# ---- real photographs


def test_real_photographs_through_the_whole_pipeline(real_data):
    source = load_source("tfds:grocery_store", data_dir=real_data)
    x, y = batches(2, source, "train[:5%]", "mix", 32, 48, teacher_resolution=64)[1]
    assert x["student"].shape == (32, 48, 48, 3) and x["teacher"].shape == (32, 64, 64, 3)
    assert x["student"].std() > 0.2 and set(y) <= set(range(81))


def test_a_batch_holds_a_view_for_each_further_role():
    views = dataclasses.replace(Views("inception_crop(0.3,1)"), further=("peer",))
    ((x, _),) = batches(1, "digits", "train", views, 4, 8)
    assert set(x) == {"image", "peer"}
    ((alone, _),) = batches(1, "digits", "train", "inception_crop(0.3,1)", 4, 8)
    np.testing.assert_array_equal(x["image"], alone)
    assert x["peer"].shape == alone.shape and (x["peer"] != alone).any()

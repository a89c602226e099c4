"""The crop of BiT's fine-tuning: the image resized to a square first, then a random part of it.

Reference: google-research/big_transfer, `input_pipeline_tf2_or_jax.py`.
"""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_kd.data import build_dataset, load_source
from keras_kd.data.ops.random_crop import random_crop_boxes
from keras_kd.data.random_streams import stream_seed
from keras_kd.data.views import Views


def test_boxes_are_of_one_share_of_both_sides_and_anywhere():
    sizes = np.tile([[20, 30]], (20_000, 1)).astype(np.int32)
    boxes = random_crop_boxes(sizes, stream_seed(1, "test", 0), 10 / 8, square=False).numpy()
    assert (boxes[:, 2:] == [16, 24]).all()
    # Rows 0 to 4 and columns 0 to 6, each place as often as any.
    counts = np.zeros((5, 7))
    np.add.at(counts, (boxes[:, 0], boxes[:, 1]), 1)
    assert counts.sum() == 20_000
    np.testing.assert_allclose(counts, 20_000 / 35, rtol=0.25)


@pytest.mark.parametrize("size", [(20, 30), (30, 20)], ids=["wide", "tall"])
def test_it_shows_a_part_of_the_image_resized_to_a_square(tmp_path, size):
    """Noise that is resized to 10 x 10 as BiT does it, and crops of 8 x 8 out of that."""
    rng = np.random.default_rng(0)
    count = 48
    pixels = rng.integers(0, 256, (count, *size, 3), dtype=np.uint8)
    for index, image in enumerate(pixels):
        place = tmp_path / "train" / f"class{index:02d}"
        place.mkdir(parents=True)
        Image.fromarray(image).save(place / "0.png")
    source = load_source(f"folder:{tmp_path}")
    data = build_dataset(source, "train", "same/sc", count, 8, seed=3, flip=False, rc_scale=10 / 8)
    images, labels = next(data.as_numpy_iterator())
    sizes = tf.tile([size], (count, 1))
    drawn = Views.of_mode("same/sc", flip=False, rc_scale=10 / 8).draw(sizes, 3, 0)["student"]
    squashed = tf.image.resize(pixels[labels], (10, 10)).numpy() / 127.5 - 1
    steps = np.array(size) // 10  # pixels of the image from one of the square's to the next
    compared = set()
    for image, whole, box in zip(images, squashed, drawn["pixels"][0].numpy()):
        if (box[:2] % steps).any():
            continue  # between the square's pixels
        top, left = box[:2] // steps
        np.testing.assert_allclose(image, whole[top : top + 8, left : left + 8], atol=1e-5)
        compared.add((top, left))
    assert len(compared) >= 3


def test_a_square_image_gives_what_the_mild_crop_gives():
    sizes = np.tile([[32, 32]], (100, 1)).astype(np.int32)
    seed = stream_seed(1, "test", 0)
    np.testing.assert_array_equal(
        random_crop_boxes(sizes, seed, 1.25), random_crop_boxes(sizes, seed, 1.25, False)
    )

"""One of two mixers for each batch."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from keras_kd.data import build_dataset
from keras_kd.data.either import Either
from keras_kd.data.ops.cutmix import Cutmix
from keras_kd.data.ops.mixup import Mixup
from keras_kd.data.random_streams import Stream
from keras_kd.data.view import parse_mixer
from keras_kd.data.views import Views

TEXT = "mixup(0.8)|cutmix(1.0,32.0)"


def draw(mixer, step):
    return mixer.draw(Stream(0, mixer.stream, tf.constant(step, tf.int64)))


def test_its_text_makes_an_equal_one():
    one = parse_mixer("mixup(0.8)|cutmix(1)")
    assert str(one) == TEXT and parse_mixer(str(one)) == one == Either((Mixup(0.8), Cutmix()))
    assert Views.of({"student": "flip", "mix": TEXT}).describe() == {
        "mode": f"student: whole_image|flip; mix: {TEXT}"
    }


def test_each_does_what_it_does_alone_and_has_half_of_the_batches():
    mixers = (Mixup(0.8), Cutmix())
    image, partner = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 3)).astype("float32")
    which = []
    for step in range(200):
        drawn = draw(Either(mixers), step)
        which.append(int(drawn["which"]))
        if step < 20:
            alone = draw(mixers[which[-1]], step)
            want = mixers[which[-1]].apply(tf.constant(image), tf.constant(partner), alone)
            got = Either(mixers).apply(tf.constant(image), tf.constant(partner), drawn)
            np.testing.assert_array_equal(got, want)
            assert Either(mixers).share(drawn) == mixers[which[-1]].share(alone)
    assert scipy.stats.binomtest(sum(which), len(which)).pvalue > 1e-3


@pytest.mark.parametrize("mix", [TEXT, "cutmix(1,8)"])
def test_labels_are_mixed_as_the_images_are_at_every_size(mix):
    """Of a source whose images are their class's number in grey, all over."""
    views, num = Views.of({"student": "whole_image", "mix": mix}), 6
    source = plain_source(num)
    common = {"batch_size": 6, "resolution": 8, "teacher_resolution": 24, "with_ids": True}
    data = build_dataset(source, "train", views, one_hot=True, seed=1, **common)
    plain = build_dataset(source, "train", "same/rc", seed=1, flip=False, **common)
    for step, ((x, y), (_, labels)) in enumerate(zip(data.take(8), plain.take(8))):
        share = float(views.mix.share(views.draw_mix(1, tf.constant(step, tf.int64))))
        one_hot = np.eye(num)[labels]
        np.testing.assert_allclose(y, share * one_hot + (1 - share) * np.roll(one_hot, 1, 0),
                                   atol=1e-6)  # fmt: skip
        for role in ("student", "teacher"):
            levels = (np.mean(x[role], axis=(1, 2, 3)) + 1) * 127.5 / 40
            np.testing.assert_allclose(levels, y.numpy() @ np.arange(num), atol=1e-4)


def plain_source(num):
    from keras_kd.data.examples import ArrayStore, Examples, Source

    class Plain(Source):
        def _examples(self, parts, what):
            images = np.repeat(np.arange(num, dtype=np.uint8), 8 * 8 * 3) * 40
            sizes = np.full((num, 2), 8, np.int32)
            store = ArrayStore(images.reshape(num, 8, 8, 3))
            return Examples(np.arange(num, dtype=np.int32), sizes, np.arange(num), 3, store)

    return Plain("plain", [str(i) for i in range(num)], 3, {"train": num})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mixup|mixup(0.2)", r"mix must be one mixer, or several.*Take the other mixup out"),
        ("mixup|flip", r"must be one mixer.*: cutmix, mixup\..*flip changes one image"),
        ("cutmx(1.0)", r"Received: mix='cutmx\(1\.0\)'.*Did you mean 'cutmix'"),
        ("cutmix(0)", r"mix: alpha of cutmix .*above 0"),
        ("cutmix(1,1)", r"lines of cutmix .*whole, at least 2"),
    ],
)
def test_what_is_no_mixer_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_mixer(text)

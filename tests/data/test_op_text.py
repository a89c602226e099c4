"""Texts of image ops: read, written, and refused with what to write."""

import pytest

from keras_kd.data.op_text import parse
from keras_kd.data.ops.flip import Flip
from keras_kd.data.ops.inception_crop import InceptionCrop
from keras_kd.data.ops.random_crop import RandomCrop


@pytest.mark.parametrize(
    "text,want",
    [
        ("flip", [Flip()]),
        ("inception_crop(0.05,1)|flip", [InceptionCrop(0.05, 1.0), Flip()]),
        (" inception_crop( 0.2 , 1, 3/4,4/3 ) | flip() ", [InceptionCrop(0.2), Flip()]),
        ("random_crop(8/7)", [RandomCrop()]),
        ("random_crop(1e1)", [RandomCrop(10)]),
    ],
)
def test_a_text_is_a_list_of_ops(text, want):
    assert parse(text, "view") == want
    assert parse("|".join(map(str, want)), "view") == want


@pytest.mark.parametrize(
    "text,message",
    [
        ("", r"view must be a text such as .* Received: view=''.*Ops are: .*flip"),
        (None, r"view must be a text such as .* Received: view=None"),
        ("inceptoin_crop(0.05,1)", r"Received: view='inceptoin_crop\(0.05,1\)'.*'inception_crop'"),
        ("flip|", r"separated by '\|'.*Not an op: ''"),
        ("random_crop(1.1", r"Not an op: 'random_crop\(1.1'"),
        ("flip(1)", r"flip takes at most 0 parameters \(none\)"),
        (
            "mixup(1,2)",
            r"mixup takes at most 1 parameters \(alpha: .*Received: view='mixup\(1,2\)'",
        ),
        (
            "random_crop(0.5)",
            r"view: scale of random_crop .* at least 1\. .*scale=0\.5.*random_cro",
        ),
        ("random_crop(1/0)", r"Received: scale='1/0'"),
        ("random_crop(wide)", r"Received: scale='wide'"),
        ("random_crop(,)", r"random_crop takes at most 1 parameters"),
        ("inception_crop(0,1)", r"area_low .*above 0 and at most 1\. Received: area_low=0\.0"),
        ("inception_crop(0.9,0.1)", r"area_low of inception_crop must be at most area_high"),
    ],
)
def test_what_is_no_list_of_ops_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text, "view")

"""The student's modality: the geometry of the teacher's images, and nothing else of them."""

import numpy as np
import pytest

from keras_kd.data import FixedViews, Views, build_dataset, evaluation_dataset
from keras_kd.data.modality import BOTH, Modality

GRAY = Modality.parse("lowres:4|edges")


def batch(views, **options):
    data = build_dataset("digits", "train[:50]", views, 6, 8, seed=3, start_step=5, **options)
    return next(iter(data))[0]


def with_modality(text, modality=GRAY, **texts):
    return Views(text, modality=modality, **texts)


@pytest.mark.parametrize("mix", [None, "mixup"])
def test_the_student_sees_what_the_op_makes_of_the_teachers_image(mix):
    text = "inception_crop(0.3,1)|flip"
    x = batch(with_modality(text))
    plain = batch(Views(text))
    np.testing.assert_array_equal(x["teacher"], plain)
    for own, seen in zip(x["student"], plain, strict=True):
        np.testing.assert_allclose(own, GRAY.apply(seen), atol=1e-6)
    mixed = batch(with_modality(text, mix=mix))
    np.testing.assert_array_equal(mixed["teacher"], batch(Views(text, mix=mix)))


def test_who_sees_what():
    text = "inception_crop"
    both = batch(with_modality(text, Modality(GRAY.ops, BOTH)))
    alone = batch(with_modality(text).for_one())
    np.testing.assert_array_equal(both, alone)
    larger = batch(with_modality(text), teacher_resolution=12)
    assert larger["teacher"].shape[1] == 12 and larger["student"].shape[1] == 8
    np.testing.assert_array_equal(larger["student"], alone)
    stored = batch(with_modality(text), teacher_view=False)  # beside targets of a cache
    np.testing.assert_array_equal(stored, alone)


def test_evaluation_shows_each_its_own():
    data = {"source": "digits", "split": "test[:10]", "batch_size": 10, "resolution": 8}
    plain, _ = next(iter(evaluation_dataset(**data)))
    x, _ = next(iter(evaluation_dataset(**data, modality=GRAY, teacher_resolution=8)))
    np.testing.assert_array_equal(x["teacher"], plain)
    alone, _ = next(iter(evaluation_dataset(**data, modality=GRAY)))
    np.testing.assert_array_equal(x["student"], alone)
    np.testing.assert_allclose(alone[3], GRAY.apply(plain[3]), atol=1e-6)


def test_what_a_teachers_targets_depend_on():
    """Students of any modality read one cache, unless the teacher sees theirs."""
    plain = Views.of("same/ic")
    with_one = Views(**{**vars(plain), "modality": GRAY})
    assert with_one.describe() == plain.describe() and "student: lowres" in str(with_one)
    shared = Views(**{**vars(plain), "modality": Modality(GRAY.ops, BOTH)})
    assert shared.describe() == {**plain.describe(), "modality": "lowres(4.0)|edges(4.0)"}
    fixed = Views.of("fix/rs")
    own = Views(**{**vars(fixed), "modality": Modality(GRAY.ops, BOTH)})
    first, second = (FixedViews("digits", "test[:4]", one, 8).at([0]) for one in (fixed, own))
    np.testing.assert_allclose(second[0], GRAY.apply(first[0]), atol=1e-6)


@pytest.mark.parametrize("text", ["flip", "inception_crop", "gray|flip", "mixup"])
def test_what_changes_the_geometry_is_refused(text):
    with pytest.raises(
        ValueError, match=r"student_view must hold ops .* blur, channel, edges, gray"
    ):
        Modality.parse(text)


def test_texts():
    assert str(Modality.parse("lowres:24|channel:0")) == "lowres(24.0)|channel(0.0)"
    with pytest.raises(ValueError, match="Did you mean 'gray'"):
        Modality.parse("grey")

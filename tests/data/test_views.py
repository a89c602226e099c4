"""Views: modes are names for lists of ops, and lists of one's own give what the modes give."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from keras_kd.data import build_dataset, load_source
from keras_kd.data.modes import MODES
from keras_kd.data.views import Views

OPTIONS = {"flip": False, "crop_area": (0.2, 0.9), "crop_aspect": (0.5, 2), "rc_scale": 1.5}
OPTIONS["mixup_alpha"] = 0.3


@pytest.mark.parametrize("options", [{}, OPTIONS], ids=["plain", "set"])
@pytest.mark.parametrize("mode", MODES)
def test_a_mode_is_a_name_for_a_list(mode, options):
    views = Views.of_mode(mode, **options)
    texts = {name: str(ops) for name, ops in vars(views).items() if ops is not None}
    assert Views.of(texts) == Views(**texts) == Views.of(views) == views
    assert str(views) == mode and views.describe()["mode"] == mode


def test_what_the_papers_modes_are():
    ic, rc = "inception_crop(0.05,1,3/4,4/3)|flip", "random_crop(8/7)|flip"
    assert Views.of_mode("mix") == Views(ic, mix="mixup(1)")
    assert Views.of_mode("same/rc") == Views.of(rc) == Views(rc)
    assert Views.of_mode("ind/ic") == Views(ic, teacher=ic)
    assert Views.of_mode("fix/cc") == Views(rc, fixed="central_crop(8/7)")
    assert Views.of_mode("fix/ic_ens") == Views(ic, fixed=ic)
    assert Views.of_mode("ind/rc", flip=False) == Views("random_crop", teacher="random_crop")


@pytest.mark.parametrize("mode", MODES)
def test_a_single_model_sees_the_students_view_mixed_or_not(mode):
    views = Views.of_mode(mode)
    one = views.for_one()
    assert (one.student, one.mix, one.fixed) == (views.student, views.mix, views.fixed)
    assert one.teacher is None
    assert one.mixes == views.mixes == mode.startswith("mix")
    assert views.averaged == (mode == "fix/ic_ens")


def test_texts_make_the_batches_of_the_mode():
    source = load_source("digits")
    texts = {"student": "random_crop|flip", "teacher": "random_crop|flip"}
    for what, mode in ((texts, "ind/rc"), ("inception_crop|flip", "same/ic")):
        for one, other in zip(
            *(build_dataset(source, "train", each, 8, 8).take(2) for each in (what, mode))
        ):
            tf.nest.map_structure(np.testing.assert_array_equal, one, other)


def test_views_of_ones_own_mix_what_no_mode_does():
    """A teacher with a whole image of its own beside a crop, both mixed alike."""
    source = load_source("digits")
    texts = {"student": "inception_crop", "teacher": "whole_image"}
    for mixed in (False, True):
        what = texts | ({"mix": "mixup(0.5)"} if mixed else {})
        ((x, _),) = build_dataset(source, "train", what, 8, 8, num_steps=1, with_ids=True)
        examples = source.split("train")
        rows = [int(np.flatnonzero(examples.ids == one)[0]) for one in x["id"].numpy()]
        whole = examples.store.images[rows] / 127.5 - 1
        share = float(Views.of(what).draw_mix(0, 0)) if mixed else 1.0
        want = share * whole + (1 - share) * np.roll(whole, 1, axis=0)
        np.testing.assert_allclose(x["teacher"], want, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_what_counts_for_the_teacher_is_described_and_no_more(mode):
    views, plain = Views.of_mode(mode, **OPTIONS), Views.of_mode(mode)
    told = views.describe()
    assert told == {"mode": mode} | {name: OPTIONS[name] for name in told if name != "mode"}
    # As far as the teacher is concerned, the described options are all that there are.
    role = next(r for r in ("fixed", "teacher", "student") if getattr(views, r) is not None)
    rebuilt = Views.of_mode(mode, **{k: v for k, v in told.items() if k != "mode"})
    assert getattr(rebuilt, role) == getattr(views, role) and rebuilt.mix == views.mix
    assert (told == plain.describe()) == (getattr(plain, role) == getattr(views, role))


def test_descriptions_tell_views_apart():
    ic, rc = "inception_crop|flip", "random_crop|flip"
    seen = [Views.of_mode(mode) for mode in MODES]
    seen += [Views("whole_image"), Views("flip"), Views(rc, teacher=ic), Views("squashed_crop(2)")]
    seen += [Views(rc, teacher=rc, mix="mixup"), Views("whole_image|flip", mix="mixup(0.2)")]
    told = [tuple(views.describe().items()) for views in seen]
    other = [told[i] for i in range(len(told)) if told[i] in told[:i]]
    assert other == [tuple(Views.of_mode("ind/ic").describe().items())]  # of rc, teacher=ic
    # The student's own view is no matter where the teacher has one.
    assert Views(rc, teacher=ic).describe() == Views("flip", teacher=ic).describe()


@pytest.mark.parametrize(
    "make,message",
    [
        (lambda: Views.of("mixx"), r"mode must be one of fix/rs.*mode='mixx'.*'mix'"),
        (lambda: Views.of(None), r"mode must be one of .*Received: mode=None"),
        (lambda: Views.of("flip", flip=True), r"Received: flip beside mode='flip'"),
        (lambda: Views.of({"studnet": "flip"}), r"Received: 'studnet'\. Did you mean 'student'\?"),
        (lambda: Views.of({"teacher": "flip"}), r"student must be a text such as"),
        (lambda: Views.of_mode("mix", crop_are=(0, 1)), r"crop_are=\(0, 1\).*mean 'crop_area'"),
        (lambda: Views.of_mode("mix", flip="no"), r"flip must be True or False\. Received: flip="),
        (lambda: Views("flip", mix="flip"), r"mix must be one mixer"),
        (lambda: Views("mixup"), r"student must hold ops on one image"),
        (
            lambda: Views("flip", "flip", fixed="flip"),
            r"teacher must be left out .*Received: teach",
        ),
        (
            lambda: Views("flip", mix="mixup", fixed="flip"),
            r"mix must be left out .*Received: mix=",
        ),
    ],
)
def test_views_that_cannot_be_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_further_roles_see_the_students_view_in_draws_of_their_own():
    views = replace(Views("inception_crop(0.3,1)|flip"), further=("one", "other"))
    sizes = tf.constant([[8, 8]] * 4)
    drawn = views.draw(sizes, seed=0, step=tf.constant(0, tf.int64))
    assert set(drawn) == {"student", "one", "other"}
    boxes = [np.concatenate([np.ravel(v) for v in tf.nest.flatten(d)]) for d in drawn.values()]
    assert len({box.tobytes() for box in boxes}) == 3
    alone = Views("inception_crop(0.3,1)|flip").draw(sizes, 0, tf.constant(0, tf.int64))
    tf.nest.map_structure(np.testing.assert_array_equal, drawn["student"], alone["student"])
    assert str(views) == str(Views("inception_crop(0.3,1)|flip"))

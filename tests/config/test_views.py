"""A stage's views in the config: a mode, or texts in place of its parts."""

import pytest
from tiny_run import tiny_run, with_changes

from keras_kd.config import check
from keras_kd.config.views import views_of
from keras_kd.data.views import Views


def configured(**changes):
    config = tiny_run()
    config.distil.update(changes)
    return config


def test_a_mode_takes_its_options_from_where_they_are():
    config = configured(mode="mix", mixup_alpha=0.2)
    config.data.update(flip=False, crop_area=(0.3, 0.8))
    want = Views.of_mode("mix", flip=False, crop_area=(0.3, 0.8), mixup_alpha=0.2)
    assert views_of(config, config.distil) == want
    config = configured(mode="fix/cc", rc_scale=1.5)
    flip = config.data.flip
    assert views_of(config, config.distil) == Views.of_mode("fix/cc", rc_scale=1.5, flip=flip)


def test_texts_stand_in_for_parts_of_the_mode():
    ic = "inception_crop(0.2,1)|flip"
    own = {"student_view": ic, "teacher_view": "whole_image", "mix": "mixup(0.5)"}
    config = configured(mode="same/rc", **own)
    check(config)
    assert views_of(config, config.distil) == Views(ic, "whole_image", "mixup(0.5)")
    config = configured(mode="fix/cc", student_view=ic)
    check(config)
    assert views_of(config, config.distil) == Views(ic, fixed="central_crop")
    config = configured(mode="mix", student_view=ic)
    assert views_of(config, config.distil) == Views(ic, mix="mixup")


def test_a_view_that_nobody_has_is_refused():
    config = with_changes(tiny_run(), {"baseline.teacher_view": "flip"})
    with pytest.raises(ValueError, match=r"config\.baseline\.teacher_view .* no teacher looks"):
        check(config)


@pytest.mark.parametrize("stage", ["distil", "baseline", "teacher.train"])
@pytest.mark.parametrize(
    "changes,message",
    [
        ({"mode": "mixx"}, r"mode must be one of .*Received: mode='mixx'.*'mix'"),
        ({"student_view": "flipp"}, r"student_view='flipp'\. Did you mean 'flip'"),
        ({"student_view": "random_crop(0.5)"}, r"student_view: scale .* Received: scale=0\.5"),
        ({"student_view": "inception_crop(1,1,1,1,1)"}, r"takes at most 4 parameters"),
        ({"student_view": "random_crop|central_crop"}, r"student_view must hold one crop at most"),
        ({"teacher_view": "mixup"}, r"teacher_view must hold ops on one image.*write mix="),
        ({"mix": "flip"}, r"mix must be one mixer, such as 'mixup\(1\.0\)'"),
        ({"mix": "mixup(0)"}, r"mix: alpha .*above 0"),
        ({"mode": "fix/cc", "teacher_view": "flip"}, r"teacher_view must be empty under mode 'fix"),
        ({"mode": "fix/rs", "mix": "mixup"}, r"mix must be empty under mode 'fix/rs'"),
    ],
)
def test_bad_texts_are_refused_by_their_key(stage, changes, message):
    config = with_changes(tiny_run(), {f"{stage}.{key}": value for key, value in changes.items()})
    with pytest.raises(ValueError, match=rf"config\.{stage}(?s:.*){message}"):
        check(config)

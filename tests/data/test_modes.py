"""The table of modes, and texts that are taken for what they are."""

import pytest

from keras_kd.data import modes


def test_the_paper_has_eight_modes():
    assert list(modes.PAPER_MODES) == [
        "fix/rs", "fix/cc", "fix/ic_ens", "same/rc", "same/ic", "ind/rc", "ind/ic", "mix",
    ]  # fmt: skip


def test_options_stand_in_the_texts():
    options = {"flip": False, "rc_scale": 1.5, "mixup_alpha": 0.1}
    assert modes.texts("mix/sc", options) == {
        "student": "squashed_crop(1.5)",
        "mix": "mixup(0.1)",
    }
    assert modes.texts("same/ic", {"crop_area": (0.1, 1)}) == {
        "student": "inception_crop(0.1,1.0,0.75,1.3333333333333333)|flip"
    }


@pytest.mark.parametrize("mode", modes.MODES)
def test_the_texts_of_a_mode_are_told_from_all_others(mode):
    for options in ({}, {"flip": False, "rc_scale": 2.0, "crop_area": (0.5, 0.5)}):
        name, found = modes.named(modes.texts(mode, options))
        assert name == mode
        assert all((modes.DEFAULTS | options)[key] == value for key, value in found.items())


def test_what_is_no_mode_has_no_name():
    ic = modes.texts("same/ic", {})["student"]
    assert modes.named({"student": "whole_image"}, modes.seen) is None
    assert modes.named({"student": ic + "|shade"}) is None
    assert modes.named({"student": ic, "teacher": "whole_image"}) is None

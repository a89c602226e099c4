"""Leads and how sure they are."""

import pytest

from keras_kd.export import gains

REPORT = {
    "teacher": {"accuracy": 0.992},
    "student": {"accuracy": 0.994},
    "data": {"test_images": 500},
}


def test_a_lead_of_counted_images_is_paired():
    lead, (low, high) = gains.lead({**REPORT, "paired": {"teacher": [1, 0]}}, "teacher")
    assert lead == pytest.approx(0.002) and low < 0 < high
    assert (low, high) == pytest.approx((-0.95 / 500, 1 / 500))  # 0.025 of one coin, less its rest
    sure = gains.lead({**REPORT, "paired": {"teacher": [30, 2]}}, "teacher")
    assert gains.is_sure(sure) and not gains.is_sure(gains.lead(REPORT, "teacher"))


def test_what_is_not_known_is_not_guessed():
    assert gains.lead({}, "teacher") is None and gains.lead(REPORT, "baseline") is None
    unknown = gains.lead({**REPORT, "data": {}}, "teacher")
    assert unknown[1] is None and gains.is_sure(unknown) is None
    assert gains.accuracy_interval(None, 5) is gains.accuracy_interval(0.5, None) is None


def test_an_interval_in_words():
    assert gains.between((-0.001, 0.02)) == "\u22120.10 to +2.00"
    assert gains.shares((0.9797, 1.0)) == "98.0 to 100.0 %" and gains.shares(None) == "\u2013"
    assert gains.accuracy_interval(0.5, 10) == pytest.approx((0.1871, 0.8129), abs=5e-5)

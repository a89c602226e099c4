"""How a stage may be made longer: by a name that there is, and no teacher."""

import pytest
from changed_config import chained, changed

from keras_kd.config import check
from keras_kd.config.prolong import HOW


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("distil.prolong", "strech", "Did you mean 'stretch'"),
        ("teacher.train.prolong", "fresh", "is another teacher"),
    ],
)
def test_mistakes_are_named(key, value, message):
    with pytest.raises(ValueError, match=message):
        check(changed(key, value))


def test_whatever_none_learns_from_may_be_longer():
    for how in HOW:
        for key in ("distil.prolong", "baseline.prolong"):
            check(changed(key, how))


def test_an_assistant_is_a_teacher():
    config = chained()
    config.assistant.train.prolong = "fresh"
    with pytest.raises(ValueError, match=r"config\.assistant\.train\.prolong .*another teacher"):
        check(config)

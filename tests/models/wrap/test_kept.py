import pytest

from keras_kd.models.wrap.kept import names_in


def test_one_several_and_none():
    assert names_in("stem_conv") == ("stem_conv",)
    assert names_in(["a", "b"]) == ("a", "b")
    assert names_in(None) == names_in(()) == ()


@pytest.mark.parametrize("keep", [5, (1,), True, {"a": 1}])
def test_others_are_refused(keep):
    with pytest.raises(ValueError, match=r"names of layers. Received: keep=.*Write keep="):
        names_in(keep)

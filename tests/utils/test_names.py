"""The nearest name, or nothing where none comes near."""

from keras_kd.utils.names import nearest


def test_a_slip_of_the_pen_finds_its_name():
    assert nearest("temprature", ["weight", "temperature"]) == " Did you mean 'temperature'?"
    assert nearest("adamW", {"adamw": 1, "sgd": 2}) == " Did you mean 'adamw'?"


def test_nothing_is_said_where_nothing_comes_near():
    assert nearest("xyz", ["weight", "temperature"]) == ""
    assert nearest(3, []) == ""

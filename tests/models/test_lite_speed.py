"""Files that are made to be timed, and times on a clock of which every second is known."""

import pytest
from ai_edge_litert.interpreter import Interpreter
from machine import Machine
from shrunk import residual

from keras_kd.models import lite_speed
from keras_kd.models.lite_speed import LiteRun, LiteSpeed, lite_content


@pytest.mark.parametrize("integers", [True, False])
def test_a_file_of_a_network_runs(integers):
    content = lite_content(residual(), integers)
    (given,) = Interpreter(model_content=content).get_input_details()
    assert given["dtype"].__name__ == ("int8" if integers else "float32")
    assert given["shape"].tolist() == [1, 8, 8, 3]
    LiteRun(content)()


def test_times_are_relative_to_the_first(monkeypatch):
    """The machine is twice as slow once the first has been timed."""
    machine = Machine()
    monkeypatch.setattr(lite_speed, "lite_content", lambda model, integers: model)
    monkeypatch.setattr(lite_speed, "LiteRun", lambda model: machine.work(model))
    speed = LiteSpeed(clock=machine.clock)
    assert speed(2e-3) == pytest.approx(2.0)
    machine.speeds = iter(lambda: 2.0, None)
    assert speed(5e-3) == pytest.approx(5.0)
    assert speed(2e-3) == pytest.approx(2.0)

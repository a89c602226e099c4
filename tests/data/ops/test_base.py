"""What the base of all image ops does: parameters in their range, a name, a text."""

import dataclasses

import pytest

from keras_kd.data.ops.base import PixelOp, parameter


@dataclasses.dataclass(frozen=True)
class Example(PixelOp):
    """An op of this file, whose name is the file's."""

    low: float = parameter(0.25, "a share", low=0, above=True, high=1)
    high: float = parameter(1, "another share", low=0.5)
    any: float = parameter(0, "a number")

    def check(self):
        if self.low > self.high:
            raise ValueError("low is above high")


def test_its_file_is_its_name_and_its_stream():
    assert Example.name == Example.stream == "test_base"
    assert PixelOp.name == "", "a kind is no op"


def test_its_text_holds_its_parameters_as_floats():
    assert str(Example()) == "test_base(0.25,1.0,0.0)"
    assert Example(high=2) == Example(high=2.0) != Example()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"low": 0}, r"low of test_base \(a share\) .* above 0 and at most 1\. Received: low=0$"),
        ({"low": 1.5}, "at most 1. Received: low=1.5"),
        ({"high": 0.4}, "at least 0.5. Received: high=0.4"),
        ({"any": float("inf")}, "finite number, finite. Received: any=inf"),
        ({"any": "1"}, "Received: any='1'"),
        ({"any": True}, "Received: any=True"),
        ({"low": 0.9, "high": 0.6}, "low is above high"),
    ],
    ids=str,
)
def test_what_is_out_of_range_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Example(**wrong)


def test_the_ends_of_a_range_belong_to_it():
    assert Example(low=1, high=1).low == 1.0 and Example(high=0.5).high == 0.5

"""What a user may choose, and what is refused."""

import pytest

from keras_kd.config import base
from keras_kd.export.options import Options


def test_a_configs_choices_are_taken():
    config = base()
    config.export.io, config.export.output = "uint8", "probabilities"
    config.export.serving = True
    assert Options.of(config.export) == Options("uint8", "probabilities", 0.97, True)
    assert Options.of(base().export) == Options()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"io": "int16"}, "io must be one of int8, uint8, float32. Received: 'int16'"),
        ({"output": "classes"}, "output must be one of logits, probabilities"),
        ({"min_agreement": 97}, "Received: min_agreement=97"),
    ],
)
def test_others_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        Options(**wrong)

"""Refusals name the keys of the config whose arguments they are about."""

import ast
import re

import keras
import numpy as np
import pytest
from tiny_run import tiny_run

from keras_kd import models
from keras_kd.commands.mistakes import is_refusal
from keras_kd.config import check
from keras_kd.data import load_source
from keras_kd.run import networks
from keras_kd.run.asking import named_by_keys, named_in

SIDE = 8


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("bytes must be above 0. Received: bytes=0.", ["bytes"]),
        ("width must name layers. Received: width={'x': ...}. There are a, bytes.", ["width"]),
        ("A share. Received: width['stem*']=2.", ["width"]),
        ("Give images of bytes. Received: layer 'width'. Leave it by keep=('a',).", ["keep"]),
        ("rank of of of. Received: 3. The bytes of the images.", ["rank"]),
        ("Received: init='a'. Set input_range to (0, 1).", ["init", "input_range"]),
        ("Received: layer 'bytes' of type Dense, an input_ranges.", []),
    ],
)
def test_what_a_sentence_is_about(text, names):
    known = ["bytes", "width", "keep", "rank", "images", "of", "init", "input_range"]
    assert named_in(text, known) == names
    assert named_in(text, []) == []


def test_the_error_stays_the_one_it_is():
    """Another text; the same type and place, by which a command tells a refusal from a bug."""
    with pytest.raises(ValueError, match="a=1") as found, named_by_keys("student", ["a"]):
        raise UnicodeError("a must be 2. Received: a=1.")
    assert type(found.value) is UnicodeError
    assert str(found.value) == (
        "a must be 2. Received: a=1. That is config.student.a; on the command line "
        "--config.student.a=..."
    )
    with pytest.raises(ValueError, match=r"^a=1\. Give --config\.x\.$"), named_by_keys("s", ["a"]):
        raise ValueError("a=1. Give --config.x.")


def refusal(name, init="", **kwargs):
    """What a run says that is to build a student by such arguments of a small teacher."""
    config = tiny_run(4)
    config.student.model = {"name": name, "kwargs": kwargs}
    config.student.init = str(init)
    source = load_source("digits")
    teacher = models.build("resnet", 10, (SIDE, SIDE, 1), depth=8, width=0.5)
    images = np.random.default_rng(0).uniform(-1, 1, (8, SIDE, SIDE, 1)).astype("float32")
    given = {"images_of": lambda count: images[:count]}
    with pytest.raises(ValueError, match="on the command line") as found:
        networks.build(config, "student", source, wrapped=lambda: (teacher, given))
    assert is_refusal(found.value)
    return str(found.value)


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        ("shrink", "width", 0),
        ("shrink", "width", {"no_such*": 0.5}),
        ("shrink", "depth", 1.5),
        ("shrink", "importance", "l3"),
        ("shrink", "choice", "some"),
        ("shrink", "bytes", 10),
        ("shrink", "bytes", -1),
        ("shrink", "latency_ms", 0),
        ("shrink", "seed", -1),
        ("shrink", "images", 0),
        ("efficient", "operation", "cheap"),
        ("efficient", "rank", 0),
        ("efficient", "keep", ("no_such*",)),
        ("efficient", "keep", 3),
        ("quantize_aware", "weights", 5),
        ("quantize_aware", "activations", 4),
        ("quantize_aware", "scheme", "none"),
        ("quantize_aware", "keep", ("no_such",)),
        ("resnet", "depth", 9),
    ],
)
def test_wrappers_and_builders_name_the_key(name, argument, value):
    said = refusal(name, **{argument: value})
    flag = f"--config.student.model.kwargs=\"{{'{argument}': ...}}\""
    assert said.endswith(
        f"That is config.student.model.kwargs.{argument}; on the command line {flag}"
    )


def test_other_arguments_stay_in_what_is_to_be_written(tmp_path):
    """Followed as it stands, with a value, it changes that one argument alone."""
    said = refusal("shrink", width=0.5, bytes=10, choice="global")
    found = re.search(r'--config\.student\.model\.kwargs="(.*)"$', said)[1]
    followed = ast.literal_eval(found.replace("...", "50_000"))
    assert followed == {"width": 0.5, "bytes": 50_000, "choice": "global"}


def test_weights_of_another_range_name_the_key(tmp_path):
    images = keras.Input((SIDE, SIDE, 1))
    x = keras.layers.Rescaling(1 / 255)(images)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(3, 3)(x))
    keras.Model(images, keras.layers.Dense(10)(x)).save(tmp_path / "bytes.keras")
    said = refusal("", init=tmp_path / "bytes.keras")
    assert "expects [0, 255]" in said
    assert "That is config.student.init, config.student.input_range; on" in said
    assert said.endswith("--config.student.init=... --config.student.input_range=...")


@pytest.mark.parametrize("wrong", [{"byts": 1}, {"model": 1}])
def test_an_argument_that_is_none_is_refused_by_its_section(wrong):
    config = tiny_run(4)
    config.student.model = {"name": "shrink", "kwargs": wrong}
    with pytest.raises(ValueError, match=r"^config\.student\.model: shrink takes.*Received: "):
        check(config)

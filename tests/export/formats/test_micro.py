"""The student in C: an array that a compiler takes, run by TFLM as LiteRT runs it."""

import shutil
import subprocess

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from keras_kd.export import formats, to_tflite
from keras_kd.export.runners import dequantised, quantised

tflite_micro = pytest.importorskip("tflite_micro")

# What stands for TFLM in the test: it tells what it is given, and answers as it is told.
STAND_IN = """
#include <stdio.h>
#include "student.h"
int student_start(void) { return 0; }
int student_run(const student_pixel_t *image, student_answer_t *answers) {
  int k;
  fwrite(student_model, 1, sizeof student_model, stderr);
  for (k = 0; k < STUDENT_CLASSES; ++k) answers[k] = (student_answer_t)(k == 1);
  printf("%d %d %d ", image[0], student_pixel[0], student_pixel[255]);
  return 0;
}
"""


def test_its_answers_are_those_of_litert(exported, images, batch_norm_net):
    path, facts = exported("micro")
    runner = formats.get("micro").open(path)
    # LiteRT's plain kernels are those of TFLM, to the last bit; XNNPACK rounds in other places.
    resolver = OpResolverType.BUILTIN_REF
    lite = Interpreter(model_content=runner.content, experimental_op_resolver_type=resolver)
    lite.allocate_tensors()
    (given,), (answer,) = lite.get_input_details(), lite.get_output_details()
    for image in images:
        lite.set_tensor(given["index"], quantised(image[None], given))
        lite.invoke()
        expected = dequantised(lite.get_tensor(answer["index"]), answer)
        np.testing.assert_array_equal(runner(image[None]), expected)
    logits = batch_norm_net(images, training=False).numpy()
    checked = formats.get("micro").verify(logits, path, [images])
    assert checked["agreement_with_litert"] >= 15 / 16
    assert facts["flash_bytes"] == len(runner.content) and facts["fully_quantized"]


def test_the_arena_is_enough_and_no_larger(exported):
    path, facts = exported("micro")
    content, open_ = formats.get("micro").open(path).content, tflite_micro.runtime.Interpreter
    assert open_.from_bytes(content, arena_size=facts["arena_bytes"]).invoke() == 0
    with pytest.raises(RuntimeError):
        open_.from_bytes(content, arena_size=facts["arena_bytes"] - 16)
    # 6 x 6 x 8 numbers of the convolution, after which no tensor is as large; of the image 432.
    assert facts["largest_tensor_bytes"] == 12 * 12 * 3
    assert facts["arena_bytes"] > 12 * 12 * 3 + 6 * 6 * 8


def test_a_compiler_takes_the_array_and_the_sketch(exported, tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("there is no C compiler here")
    path, _ = exported("micro")
    (tmp_path / "stand_in.c").write_text(STAND_IN)
    sources = [path / "student.c", path / "main.c", tmp_path / "stand_in.c"]
    strict = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{path}"]
    made = [compiler, *strict, "-o", str(tmp_path / "program"), *map(str, sources)]
    subprocess.run(made, check=True)
    ran = subprocess.run([str(tmp_path / "program")], capture_output=True, check=True)
    runner = formats.get("micro").open(path)
    assert ran.stderr == runner.content
    # Pixels are what Python makes of them; the answer is the second class, its name as it is.
    pixels = quantised(np.float32([128, 0, 255]) / np.float32(127.5) - 1, runner._input)
    numbers, name = ran.stdout.decode().rsplit(" ", 1)[0].split(" ", 3)[:3], "<script>"
    assert [int(number) for number in numbers] == pixels.tolist()
    assert name in ran.stdout.decode()


@pytest.mark.parametrize("io", ["uint8", "float32"])
def test_numbers_in_and_out_are_as_asked_for(io, tmp_path, batch_norm_net, images):
    facts = to_tflite(batch_norm_net, tmp_path / "m", "micro", [images], io=io)
    header = (tmp_path / "m" / "student.h").read_text()
    assert f"typedef {'uint8_t' if io == 'uint8' else 'float'} student_pixel_t;" in header
    checked = formats.get("micro").verify(batch_norm_net, tmp_path / "m", [images])
    assert checked["agreement_with_keras"] >= 0.9 and facts["io"] == io


def test_what_tflm_has_not_is_refused_by_name(tmp_path):
    image = keras.Input((4, 4, 1))
    x = keras.layers.Activation(keras.ops.sign, name="odd")(image)
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    calibration = np.random.default_rng(0).uniform(-1, 1, (8, 4, 4, 1)).astype(np.float32)
    with pytest.raises(ValueError, match=r"Received: SIGN in odd\. Replace it") as refusal:
        to_tflite(model, tmp_path / "m", "micro", [calibration])
    assert "leave out the format micro" in str(refusal.value)
    assert not (tmp_path / "m").exists()


def test_remarks_tell_flash_memory_and_where_litert_differs():
    facts = {"flash_bytes": 9000, "arena_bytes": 4096, "agreement_with_litert": 0.99}
    told = formats.get("micro").remarks(facts)
    assert "9,000 bytes of flash and 4,096 of memory" in told[0]
    assert told[1] == "LiteRT gives another class on 1.00% of the test images"
    assert len(formats.get("micro").remarks({**facts, "agreement_with_litert": 1.0})) == 1

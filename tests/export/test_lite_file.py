"""A TFLite file as bytes: metadata go in, the least runtime comes out, and the answers stay."""

import io
import zipfile

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from lite_interpreter import logits_of_file

from keras_kd.export import formats, lite_file

LITE = [name for name, one in formats.found().items() if one.file_name.endswith(".tflite")]


@pytest.mark.parametrize("name", LITE)
def test_every_file_carries_metadata_and_its_files(exported, name):
    path, facts = exported(name)
    content = path.read_bytes()
    model = lite_file.parsed(content)
    (entry,) = [one for one in model.metadata if one.name == b"TFLITE_METADATA"]
    assert bytes(model.buffers[entry.buffer].data)[4:8] == b"M001"
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["labels.txt", "preprocess.json"]
        # Readers on phones take members as they lie.
        assert {one.compress_type for one in archive.infolist()} == {zipfile.ZIP_STORED}
        for name in archive.namelist():
            assert archive.read(name) == (path.parent / name).read_bytes()
    assert lite_file.labels(path)[0] == "tench" and len(lite_file.labels(path)) == 3
    assert lite_file.preparation(path)["height"] == 12
    assert facts["runtime"] == lite_file.runtime_version(content)
    assert facts["runtime"].count(".") == 2  # the converter has told


def test_the_rest_of_the_file_stays(exported, images):
    content = exported("float32")[0].read_bytes()
    again = lite_file.with_metadata(content, b"other", {"a": b"b"})
    names = [entry.name for entry in lite_file.parsed(again).metadata]
    assert names.count(b"TFLITE_METADATA") == 1 and b"min_runtime_version" in names
    assert zipfile.ZipFile(io.BytesIO(again)).namelist()[-1] == "a"
    interpreter = Interpreter(model_content=again)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images[:1])
    interpreter.invoke()
    answer = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_array_equal(answer, logits_of_file(exported("float32")[0], images[:1]))


def test_a_file_is_the_same_whenever_it_is_written(exported):
    content = exported("float32")[0].read_bytes()
    made = [lite_file.with_metadata(content, b"m", {"a": b"b"}) for _ in range(2)]
    assert made[0] == made[1]


def test_operators_and_their_versions(exported):
    found = lite_file.operators(exported("int8")[0].read_bytes())
    assert {"CONV_2D", "MEAN", "FULLY_CONNECTED"} <= found.keys()
    assert all(version >= 1 for version in found.values())


def test_files_of_others_have_no_preparation(tmp_path):
    (tmp_path / "f").write_bytes(b"neither flatbuffer nor archive")
    assert lite_file.preparation(tmp_path / "f") == {} and lite_file.labels(tmp_path / "f") == []

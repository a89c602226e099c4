"""An array that cannot be run is refused in words."""

import pytest

from keras_kd.export import formats


def test_a_damaged_array_is_refused(exported, tmp_path):
    pytest.importorskip("tflite_micro")
    path, _ = exported("micro")
    text = (path / "student.c").read_text()
    start = text.index("0x")
    (tmp_path / "student.c").write_text(text[:start] + text[start + 600 :])
    (tmp_path / "student.h").write_text((path / "student.h").read_text())
    with pytest.raises(ValueError, match="Export it again"):
        formats.get("micro").open(tmp_path)

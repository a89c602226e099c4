"""Folders with a version, as TensorFlow Serving watches them."""

from keras_kd.export.serving import add_version


def test_each_export_is_the_next_version(tmp_path):
    model = tmp_path / "model"
    (model / "variables").mkdir(parents=True)
    (model / "saved_model.pb").write_text("one")
    first = add_version(model, tmp_path / "serving")
    assert first == tmp_path / "serving" / "student" / "1"
    (model / "saved_model.pb").write_text("two")
    second = add_version(model, tmp_path / "serving")
    assert second.name == "2" and (second / "variables").is_dir()
    assert [(path / "saved_model.pb").read_text() for path in (first, second)] == ["one", "two"]
    (first.parent / "notes").mkdir()  # other folders are no versions
    assert add_version(model, tmp_path / "serving").name == "3"

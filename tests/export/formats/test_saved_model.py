"""The format of a run's SavedModel: what the run knows of its images and classes goes into it."""

import json

import numpy as np
import tensorflow as tf

from keras_kd.export import export, formats


def test_a_runs_names_and_box_are_inside(finished_run, student_of_run):
    path = finished_run / "config.json"
    config = json.loads(path.read_text())
    config["data"]["eval_full_image"] = True
    path.write_text(json.dumps(config))
    facts = export(finished_run, ["saved_model"])["saved_model"]
    assert facts["path"] == "export/saved_model" and facts["threads"] is None
    assert facts["signatures"] == ["serve_bytes", "serving_default"]
    folder = finished_run / facts["path"]
    notes = json.loads((folder / "assets.extra" / "keras_kd.json").read_text())
    assert notes["class_names"] == [str(digit) for digit in range(10)]
    assert notes["full_image"] is True and notes["scale"] == config["data"]["eval_scale"]


def test_it_is_no_file_for_a_device(exported, images, batch_norm_net):
    kind = formats.get("saved_model")
    path, _ = exported("saved_model")
    assert not kind.on_device and formats.of_path(path).name == "saved_model"
    served = tf.saved_model.load(str(path)).signatures["serving_default"](image=images)["logits"]
    np.testing.assert_array_equal(kind.open(path)(images), served)

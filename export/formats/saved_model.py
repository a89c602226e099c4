"""A SavedModel that plain TensorFlow serves, from pixels or from JPEG and PNG bytes."""

from pathlib import Path

from keras_kd.export.format import Format


class SavedModel(Format):
    """A folder for servers, with the evaluation's crop and the class names inside."""

    order = 10
    title = "TensorFlow"
    on_device = False
    file = "saved_model"
    needs = ("class_names", "full_image", "scale")

    def write(self, student, path, resolution=None, **needed):
        from keras_kd.export.saved_model import to_saved_model

        return to_saved_model(student, path, resolution=resolution, **needed)

    def opens(self, path):
        return (Path(path) / "saved_model.pb").is_file()

    def open(self, path, threads=1):
        from keras_kd.export.runners import SavedModelRunner

        return SavedModelRunner(path)

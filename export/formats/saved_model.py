"""A SavedModel that plain TensorFlow serves, from pixels or from JPEG and PNG bytes."""

from pathlib import Path

from keras_kd.export.format import Format
from keras_kd.utils import words


class SavedModel(Format):
    """A folder for servers, with the evaluation's crop and the class names inside."""

    order = 10
    title = "TensorFlow"
    on_device = False
    file = "saved_model"
    needs = ("class_names", "full_image", "scale", "exif", "view", "resize", "options")

    def write(self, student, path, resolution=None, options=None, **needed):
        """Writes the student, and as a further version for TF Serving where options ask for it."""
        from keras_kd.export.saved_model import to_saved_model
        from keras_kd.export.serving import add_version

        written = to_saved_model(student, path, resolution=resolution, **needed)
        if options is None or not options.serving:
            return written
        version = add_version(path, Path(path).parent / "serving")
        return written | {"serving": version.relative_to(Path(path).parent).as_posix()}

    def verify(self, reference, path, dataset):
        """As of every format, and `served_bytes`: what it makes of encoded images of many sizes."""
        from keras_kd.export.served_bytes import compare_bytes

        return super().verify(reference, path, dataset) | {"served_bytes": compare_bytes(path)}

    def remarks(self, facts):
        told = super().remarks(facts)
        served = facts.get("served_bytes")
        if served:
            told.append(
                f"serve_bytes gives the class of the evaluated image on "
                f"{words.percent(served['agreement'])} of {served['examples']} sizes"
            )
        return told

    def opens(self, path):
        return (Path(path) / "saved_model.pb").is_file()

    def open(self, path, threads=1):
        from keras_kd.export.runners import SavedModelRunner

        return SavedModelRunner(path)

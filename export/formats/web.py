"""A page that runs the student in a browser, float32 beside int8: a folder for any web server."""

import dataclasses
from pathlib import Path

from keras_kd.export.format import Format
from keras_kd.export.options import Options

COMPARED = ("float32", "int8")  # formats whose answers stand side by side


class Web(Format):
    """The student's files, labels and preparation, LiteRT.js, and a page of HTML and modules.

    Nothing is fetched from elsewhere when it runs.
    """

    order = 90  # behind those that need nothing from elsewhere
    title = "a page for browsers"
    by_default = False
    on_device = False
    file = "web"
    needs = (
        "class_names",
        "full_image",
        "scale",
        "exif",
        "view",
        "resize",
        "run_name",
        "options",
        "calibration_images",
        "test_images",
    )

    def check_installed(self):
        from keras_kd.export.web import litert_js

        litert_js.check()

    def write(self, student, path, resolution=None, test_images=(), options=None, **needed):
        """Writes the folder, see `Format.write`.

        Args:
            student: as for `Format.write`.
            path: as for `Format.write`.
            resolution: as for `Format.write`.
            test_images: iterable of (images, labels), as for `Format.verify`.
            options: `keras_kd.export.options.Options`; default: as they come.
            **needed: as for the formats of `COMPARED`.

        Returns:
            dict of facts; `runtime_bytes` are those of LiteRT.js, `examples` and `differing` how
            many test images there are and on how many the two files differ.

        Raises:
            ValueError: images that are neither grey nor RGB, or as for the formats of `COMPARED`.
            ConnectionError: the files of LiteRT.js cannot be fetched.
        """
        from keras_kd.export import formats, network
        from keras_kd.export.web import folder, litert_js
        from keras_kd.utils.files import folder_bytes, replace_folder

        folder.check_channels(network.image_shape(network.student_of(student), resolution))
        # LiteRT.js refuses int8 images: the file makes integers of floats itself.
        offered = {**needed, "options": dataclasses.replace(options or Options(), io="float32")}
        kinds = [formats.get(name) for name in COMPARED]
        with replace_folder(path) as fresh:
            litert_js.copy(fresh / "litert_js")  # before what takes longer
            for kind in kinds:
                own = {need: offered[need] for need in kind.needs}
                kind.write(student, fresh / folder.MODELS / kind.file_name, resolution, **own)
            files = {kind.name: kind.file_name for kind in kinds}
            samples = folder.fill(fresh, files, test_images, needed.get("run_name"))
        return {
            "format": self.name,
            "path": str(path),
            "bytes": folder_bytes(path),
            "runtime_bytes": folder_bytes(Path(path) / "litert_js"),
            "differing": samples["differing"],
        }

    def opens(self, path):
        return (Path(path) / "page.json").is_file()

    def open(self, path, threads=1):
        from keras_kd.export import formats
        from keras_kd.export.web.folder import MODELS

        reference = formats.get(COMPARED[0])
        return reference.open(Path(path) / MODELS / reference.file_name, threads)

    def ways(self, path):
        return []  # those of the file inside are told of that format

    def remarks(self, facts):
        told = super().remarks(facts)
        if runtime := facts.get("runtime_bytes"):
            told.append(f"{runtime:,} of its bytes are LiteRT.js, of which a browser fetches half")
        if facts:
            told.append(f"accuracy and latency are those of its {COMPARED[0]} file outside of it")
        if differing := facts.get("differing"):
            told.append(f"{' and '.join(COMPARED)} differ on {differing} of the test images")
        return told

"""The student in C for microcontrollers: an array, the operators it needs, and a sketch."""

from pathlib import Path

from keras_kd.export.integers import Integers


class Micro(Integers):
    """The int8 file as TensorFlow Lite for Microcontrollers takes it, run by its interpreter."""

    order = 95
    title = "C, for microcontrollers"
    by_default = False
    on_device = False  # the size of the sources is not that of the program
    file = "micro"
    requires = ("tflite_micro",)
    extra = "micro"

    def write(self, student, path, resolution=None, calibration_images=None, **needed):
        """As of files of integers, and what a microcontroller asks for.

        Returns:
            dict as of `Integers`; `flash_bytes` of the array, `arena_bytes` of working memory,
            `operators` by name, `largest_tensor_bytes`.

        Raises:
            ValueError: as of `Integers`, or an operator that microcontrollers have not; it and its
                layer are named.
        """
        from keras_kd.export.micro.probe import Refused

        try:
            return super().write(student, path, resolution, calibration_images, **needed)
        except Refused as refused:
            raise _explained(refused, student) from refused

    def finish(self, path, content, card, **facts):
        from keras_kd.export import lite_file
        from keras_kd.export.micro import code, probe
        from keras_kd.utils.files import folder_bytes, replace_folder

        try:
            arena = probe.probe(content)
        except probe.Refused as refused:
            refused.tensors = lite_file.outputs_of(content, refused.operator, refused.number)
            raise
        with replace_folder(path) as fresh:
            for name, data in (code.written(content, card, arena) | card.files()).items():
                (fresh / name).write_bytes(data)
        return {
            "format": self.name,
            "path": str(path),
            "bytes": folder_bytes(path),
            "flash_bytes": len(content),
            "arena_bytes": arena.total,
            "operators": list(lite_file.operators(content)),
            "largest_tensor_bytes": code.tensors_of(content)[0][2],
            "fully_quantized": facts.get("fully_quantized", False),
            "float_tensors": list(facts.get("float_tensors", ())),
            "fallback": facts.get("fallback"),
        }

    def opens(self, path):
        return (Path(path) / "student_ops.h").is_file()

    def open(self, path, threads=1):
        from keras_kd.export.micro.runner import MicroRunner

        return MicroRunner(path)

    def ways(self, path):
        return []  # what this computer takes tells nothing of a device

    def verify(self, reference, path, dataset):
        """As of every format, and `agreement_with_litert`: how often LiteRT gives its class."""
        from keras_kd.export.measure import compare
        from keras_kd.export.micro.runner import BesideLiteRT

        both = BesideLiteRT(self.open(path))
        return compare(reference, both, dataset) | both.facts()

    def remarks(self, facts):
        told = super().remarks(facts)
        if arena := facts.get("arena_bytes"):
            told.append(
                f"{facts.get('flash_bytes', 0):,} bytes of flash and {arena:,} of memory, beside "
                "the program; its latency is that of plain kernels here, not of a device"
            )
        if facts.get("agreement_with_litert", 1) < 1:
            told.append(
                f"LiteRT gives another class on {1 - facts['agreement_with_litert']:.2%} of the "
                "test images"
            )
        return told


def _explained(refused, student):
    from keras_kd.export.layer_names import layer_of
    from keras_kd.export.network import layers_of, student_of

    names = {layer.name for layer in layers_of(student_of(student))}
    layers = sorted({layer_of(tensor, names) for tensor in refused.tensors})
    where = f" in {', '.join(layers)}" if layers else ""
    what = refused.operator or refused.told
    why = f" ({refused.told})" if refused.operator and refused.number is not None else ""
    return ValueError(
        "Expected a network of operators that TensorFlow Lite for Microcontrollers has. "
        f"Received: {what}{where}{why}. Replace it in the student, or leave out the format micro: "
        "int8 runs wherever LiteRT does."
    )

"""What a user may choose of the exported files."""

import dataclasses

from keras_kd.config.rules import EXPORT_INPUTS, EXPORT_OUTPUTS


@dataclasses.dataclass(frozen=True)
class Options:
    """Choices that hold for all files of an export; the keys `config.export.*` of the same names.

    Attributes:
        io: numbers in and out of integer files: "int8", "uint8" or "float32".
        output: what TFLite files answer: "logits" or "probabilities".
        min_agreement: share of test images in [0, 1]; a file that answers like the Keras student on
            less is told of wherever the run is told of.
        keep_float: names of layers that stay in float32 in integer files too.
        serving: whether the SavedModel also goes to a folder with a version, for TF Serving.

    Raises:
        ValueError: a value that is none of these.
    """

    io: str = "int8"
    output: str = "logits"
    min_agreement: float = 0.97
    serving: bool = False
    keep_float: tuple = ()

    def __post_init__(self):
        for name, known in (("io", EXPORT_INPUTS), ("output", EXPORT_OUTPUTS)):
            value = getattr(self, name)
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}. Received: {value!r}.")
        object.__setattr__(self, "keep_float", tuple(self.keep_float))
        if not 0 <= self.min_agreement <= 1:
            raise ValueError(
                "min_agreement must be a share between 0 and 1. "
                f"Received: min_agreement={self.min_agreement!r}."
            )

    @classmethod
    def of(cls, section):
        """The options in a config's section `export`."""
        return cls(**{field.name: section[field.name] for field in dataclasses.fields(cls)})

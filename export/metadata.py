"""TFLite metadata of an image classifier, a small flatbuffer that MediaPipe and Android read.

The schema's generated classes are in no package that this one needs, so the tables are written
here: each slot is the number of a field in `metadata_schema.fbs` (version 1.3.0, identifier M001).
"""

import flatbuffers

from keras_kd.export.card import LABELS

IDENTIFIER = b"M001"
PARSER = "1.3.0"  # the least version of a reader
# Enumerations of the schema.
RGB, GRAYSCALE = 1, 2
FEATURES, IMAGE = 1, 2  # ContentProperties
NORMALIZATION = 1  # ProcessUnitOptions
AXIS_LABELS = 2  # AssociatedFileType
# Number of fields of each table, and the slots of those that are set.
MODEL = {"fields": 8, "name": 0, "description": 1, "subgraphs": 3, "parser": 7}
SUBGRAPH = {"fields": 7, "inputs": 2, "outputs": 3}
TENSOR = {"fields": 7, "name": 0, "description": 1, "content": 3, "units": 4, "files": 6}
CONTENT = {"fields": 3, "kind": 0, "properties": 1}
IMAGE_PROPERTIES = {"fields": 2, "colours": 0}
FEATURE_PROPERTIES = {"fields": 0}
UNIT = {"fields": 2, "kind": 0, "options": 1}
NORMALIZATION_OPTIONS = {"fields": 2, "mean": 0, "std": 1}
FILE = {"fields": 4, "name": 0, "description": 1, "type": 2}


def metadata(card):
    """The flatbuffer that describes a classifier of images.

    Args:
        card: `keras_kd.export.card.Card`.

    Returns:
        bytes.
    """
    builder = flatbuffers.Builder(1024)
    text = builder.CreateString
    subgraph = _table(
        builder,
        SUBGRAPH,
        inputs=_list(builder, [_image(builder, card)]),
        outputs=_list(builder, [_answer(builder, card)]),
    )
    model = _table(
        builder,
        MODEL,
        name=text(card.name),
        description=text(card.description),
        subgraphs=_list(builder, [subgraph]),
        parser=text(PARSER),
    )
    builder.Finish(model, IDENTIFIER)
    return bytes(builder.Output())


def _image(builder, card):
    """The input: an image whose pixels of 0 to 255 become (pixel - mean) / std."""
    colours = RGB if card.shape[-1] == 3 else GRAYSCALE
    properties = _table(builder, IMAGE_PROPERTIES, numbers={"colours": colours})
    content = _table(builder, CONTENT, numbers={"kind": IMAGE}, properties=properties)
    options = _table(
        builder,
        NORMALIZATION_OPTIONS,
        mean=_floats(builder, [card.mean]),
        std=_floats(builder, [card.std]),
    )
    unit = _table(builder, UNIT, numbers={"kind": NORMALIZATION}, options=options)
    return _table(
        builder,
        TENSOR,
        name=builder.CreateString("image"),
        description=builder.CreateString(card.input_words),
        content=content,
        units=_list(builder, [unit]),
    )


def _answer(builder, card):
    """The output: a number a class, and the file that names the classes."""
    features = _table(builder, FEATURE_PROPERTIES)
    content = _table(builder, CONTENT, numbers={"kind": FEATURES}, properties=features)
    labels = _table(
        builder,
        FILE,
        numbers={"type": AXIS_LABELS},
        name=builder.CreateString(LABELS),
        description=builder.CreateString("Names of the classes, one a line."),
    )
    return _table(
        builder,
        TENSOR,
        name=builder.CreateString(card.output),
        description=builder.CreateString(card.output_words),
        content=content,
        files=_list(builder, [labels]),
    )


def _table(builder, slots, numbers=None, **parts):
    """A table: `numbers` in single bytes, and parts that were written before."""
    builder.StartObject(slots["fields"])
    for name, value in (numbers or {}).items():
        builder.PrependInt8Slot(slots[name], value, 0)
    for name, part in parts.items():
        builder.PrependUOffsetTRelativeSlot(slots[name], part, 0)
    return builder.EndObject()


def _list(builder, tables):
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return builder.EndVector()


def _floats(builder, values):
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return builder.EndVector()

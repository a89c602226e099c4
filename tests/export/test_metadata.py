"""TFLite metadata, read back by a reader that knows only the numbers of the schema's fields."""

import flatbuffers
import pytest
from flatbuffers import number_types
from flatbuffers.table import Table

from keras_kd.export.card import Card
from keras_kd.export.metadata import metadata

CARD = Card("flowers", (96, 96, 3), ("tench", "göteborg & co"))


class Reader(Table):
    """A table of a flatbuffer: field number -> what stands there."""

    @classmethod
    def root(cls, content):
        return cls(
            content, flatbuffers.encode.Get(number_types.UOffsetTFlags.packer_type, content, 0)
        )

    def at(self, field):
        offset = self.Offset(4 + 2 * field)
        assert offset, field
        return self.Pos + offset

    def has(self, field):
        return bool(self.Offset(4 + 2 * field))

    def text(self, field):
        return self.String(self.at(field)).decode()

    def table(self, field):
        return Reader(self.Bytes, self.Indirect(self.at(field)))

    def byte(self, field):
        return self.Get(number_types.Int8Flags, self.at(field))

    def tables(self, field):
        offset = self.Offset(4 + 2 * field)
        start = self.Vector(offset)
        return [
            Reader(self.Bytes, self.Indirect(start + 4 * i)) for i in range(self.VectorLen(offset))
        ]

    def floats(self, field):
        offset = self.Offset(4 + 2 * field)
        start = self.Vector(offset)
        return [
            self.Get(number_types.Float32Flags, start + 4 * i)
            for i in range(self.VectorLen(offset))
        ]


def test_every_field_stands_where_the_schema_has_it():
    content = metadata(CARD)
    assert content[4:8] == b"M001"
    model = Reader.root(content)
    assert model.text(0) == "flowers" and "2 classes, 96 x 96 px" in model.text(1)
    assert model.text(7) == "1.3.0" and not model.has(2)
    (graph,) = model.tables(3)
    (image,), (answer,) = graph.tables(2), graph.tables(3)
    assert image.text(0) == "image" and "central square" in image.text(1)
    properties = image.table(3)
    assert properties.byte(0) == 2  # ImageProperties
    assert properties.table(1).byte(0) == 1  # RGB
    (unit,) = image.tables(4)
    assert unit.byte(0) == 1  # NormalizationOptions
    assert unit.table(1).floats(0) == unit.table(1).floats(1) == [127.5]
    assert answer.text(0) == "logits"
    assert answer.table(3).byte(0) == 1  # FeatureProperties
    (labels,) = answer.tables(6)
    assert labels.text(0) == "labels.txt" and labels.byte(2) == 2  # TENSOR_AXIS_LABELS


def test_grey_images_and_probabilities_are_told():
    card = Card("x", (8, 8, 1), ("a", "b"), full_image=True, output="probabilities")
    (graph,) = Reader.root(metadata(card)).tables(3)
    (image,), (answer,) = graph.tables(2), graph.tables(3)
    assert image.table(3).table(1).byte(0) == 2 and "whole image" in image.text(1)
    assert answer.text(0) == "probabilities"


def test_mediapipes_own_classes_read_it():
    name = "mediapipe.tasks.metadata.metadata_schema_py_generated"
    schema = pytest.importorskip(name, reason="mediapipe is not installed")
    model = schema.ModelMetadataT.InitFromPackedBuf(metadata(CARD), 0)
    (graph,) = model.subgraphMetadata
    assert model.name == b"flowers" and len(graph.inputTensorMetadata) == 1
    (unit,) = graph.inputTensorMetadata[0].processUnits
    assert unit.options.mean == unit.options.std == [127.5]
    (labels,) = graph.outputTensorMetadata[0].associatedFiles
    assert labels.type == schema.AssociatedFileType.TENSOR_AXIS_LABELS

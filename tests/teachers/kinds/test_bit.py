"""Published BiT by name: from the cache, and refused before anything is fetched."""

import numpy as np
import pytest
from teacher_models import images

from keras_kd.models import bit_resnet
from keras_kd.models.bit.published import PUBLISHED, Published
from keras_kd.models.bit.weights import _layer_name
from keras_kd.teachers import kinds, load


def test_published_bit_comes_from_the_cache(tmp_path, monkeypatch):
    donor = bit_resnet((1, 1), 0.25, 37, (32, 32, 3))
    donor.set_weights([w + 0.1 for w in donor.get_weights()])
    # Nothing listens there: whoever asks the network fails.
    entry = Published("http://127.0.0.1:9/pets.npz", (1, 1), 0.25, 37, 32)
    monkeypatch.setitem(PUBLISHED, "tiny-pets32", entry)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(ValueError, match="a network of 37 classes"):
        load("bit:tiny-pets32", 10)
    with pytest.raises(ConnectionError, match=r"9/pets.npz.*put the file at .*tiny-pets32.npz"):
        load("bit:tiny-pets32", 37)
    arrays = {}
    for layer in (layer for layer in donor.layers if layer.weights):
        common = _layer_name(layer.name).replace("logits", "head")
        names = (
            ("scale", "bias")
            if len(layer.weights) == 2 and common != "head"
            else ("kernel", "bias")
        )
        arrays |= {f"{common}/{name}": w for name, w in zip(names, layer.get_weights())}
    np.savez(tmp_path / "keras_kd" / "bit" / "tiny-pets32.npz", **arrays)
    teacher, x = load("bit:tiny-pets32", 37), images(2, 32, 32, 3)
    np.testing.assert_array_equal(teacher(x), donor(x))
    assert teacher.trainable_variables == []
    # A file of other classes than the table says must not leave a teacher with a head of zeros.
    monkeypatch.setitem(PUBLISHED, "tiny-pets32", entry._replace(num_classes=10))
    with pytest.raises(ValueError, match="a file of 37 classes"):
        load("bit:tiny-pets32", 10)


def test_a_dry_run_builds_the_same_network():
    found = kinds.builder("bit:R152x2-pets128", 37)
    assert found == ("bit_resnet", {"depth": 152, "width": 2})
    with pytest.raises(ValueError, match="know the data set's 10 classes"):
        kinds.builder("bit:R152x2-pets128", 10)

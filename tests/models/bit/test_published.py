"""Published BiT weights: which network they are for, and what a cache may hold of them."""

import numpy as np
import pytest
from archive_server import archive

from keras_kd.models import bit_resnet
from keras_kd.models.bit.published import PUBLISHED, Published, bit_file


def test_a_file_put_there_by_hand_is_read_to_its_end(server, monkeypatch, tmp_path):
    entry = Published(server.address, (1, 1), 0.125, 5, 32)
    monkeypatch.setitem(PUBLISHED, "tiny-M", entry)
    path = tmp_path / "keras_kd" / "bit" / "tiny-M.npz"
    path.parent.mkdir(parents=True)
    whole = archive()
    for content in (whole[:-100], whole[:200] + b"?" + whole[201:]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"must be a whole \.npz") as cut:
            bit_resnet((1, 1), 0.125, 5, (32, 32, 3), weights="tiny-M")
        expected = f"Delete the file, and it is fetched again from {server.address}."
        assert str(cut.value).endswith(expected)
    other = bit_resnet((1, 2), 0.125, 5, (32, 32, 3))
    arrays = {
        f"{layer.name.replace('_', '/', 2)}/kernel": layer.get_weights()[0]
        for layer in other.layers
        if layer.name.startswith("block") and layer.weights
    }
    np.savez(path, **arrays)
    with pytest.raises(
        ValueError, match=r"of depth=\(1, 2\).*delete it: .*R50.npz is fetched agai"
    ):
        bit_resnet((1, 1), 0.125, 5, (32, 32, 3), weights="tiny-M")
    elsewhere = tmp_path / "tiny-M.npz"
    elsewhere.write_bytes(whole[:-100])
    with pytest.raises(ValueError, match=r"does not read: .*Take it again from where it came\.$"):
        bit_resnet((1, 1), 0.125, 5, (32, 32, 3), weights=str(elsewhere))
    assert server.hits == 0


def test_builder_refuses_another_network_before_it_fetches(server, monkeypatch):
    monkeypatch.setitem(PUBLISHED, "R50x1-here", Published(server.address, 50, 1, 1000, 224))
    with pytest.raises(ValueError, match=r"are for depth=50, width=1.*width=0.25"):
        bit_resnet((1, 1), 0.25, 5, (32, 32, 3), weights="R50x1-here")
    with pytest.raises(ValueError, match="Did you mean 'R50x1-here'"):
        bit_resnet(50, 1, weights="R50x1-hear")
    assert server.hits == 0
    assert bit_file("R50x1-here").name == "R50x1-here.npz"
    assert server.hits == 1

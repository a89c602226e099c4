"""Fetching an archive, from a server on the loopback address that behaves and misbehaves."""

import numpy as np
import pytest
from archive_server import archive

from keras_kd.models.download import fetch


def test_fetched_once_and_kept(server, tmp_path):
    for _ in range(2):
        path = fetch(server.address, "a.npz", "keras_kd/bit")
        assert path == tmp_path / "keras_kd" / "bit" / "a.npz"
        np.testing.assert_array_equal(np.load(path)["numbers"], np.arange(1000.0))
    assert server.hits == 1
    assert [file.name for file in path.parent.iterdir()] == ["a.npz"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"status": 404}, "404"),
        ({"missing": 10}, "retrieval incomplete"),
        ({"content": archive()[:-100]}, "not a whole archive"),
        ({"content": b"<html>log in to the hotel's network</html>"}, "not a whole archive"),
    ],
)
def test_what_is_not_whole_is_not_kept(server, change, text, tmp_path):
    vars(server).update(change)
    with pytest.raises(ConnectionError, match=f"{text}.*put the file at .*a.npz"):
        fetch(server.address, "a.npz", "keras_kd/bit")
    assert list((tmp_path / "keras_kd" / "bit").iterdir()) == []


def test_a_flipped_bit_is_found(server):
    middle = len(server.content) // 2
    flipped = bytes([server.content[middle] ^ 1])
    server.content = server.content[:middle] + flipped + server.content[middle + 1 :]
    with pytest.raises(ConnectionError, match="came is damaged at numbers"):
        fetch(server.address, "a.npz", "keras_kd/bit")


def test_remains_of_a_killed_download_never_pass_for_the_file(server, tmp_path):
    folder = tmp_path / "keras_kd" / "bit"
    folder.mkdir(parents=True)
    (folder / "a.npz.1.part").write_bytes(b"PK half")
    fetch(server.address, "a.npz", "keras_kd/bit")
    assert server.hits == 1

"""Damaged NumPy archives: every reader of them ends in its own documented way, whatever broke."""

import numpy as np
import pytest

from keras_kd.data.scan import Scan, load_index, save_index
from keras_kd.export.pictures import read_predictions
from keras_kd.models.npz import read_arrays
from keras_kd.teachers.fixed import files as fixed_files
from keras_kd.training.checkpoints import Checkpoints
from keras_kd.utils.archives import read_archive

# Compression methods that zipfile knows (stored, deflated, bzip2, LZMA), and some that it does not.
METHODS = (0, 8, 12, 14, 9, 93)


def damaged(path, seed=0, count=300):
    """Writes a file anew with damage, many times: flipped bits, and changed bytes of headers."""
    whole, rng = path.read_bytes(), np.random.default_rng(seed)
    for place in rng.integers(0, len(whole), count):
        broken = bytearray(whole)
        broken[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(broken)
        yield
    places = [at + 10 for at in range(len(whole)) if whole[at : at + 4] == b"PK\1\2"]
    for place in places:  # the method of every member, as the archive's directory has it
        for method in METHODS:
            broken = bytearray(whole)
            broken[place] = method
            path.write_bytes(broken)
            yield


def assert_equal(found, want):
    assert sorted(found) == sorted(want)
    for name, array in want.items():
        np.testing.assert_array_equal(found[name], array)


def weights():
    rng = np.random.default_rng(3)
    shapes = {"root_block/conv_root/kernel": (3, 3, 3, 8), "head/kernel": (8, 5), "head/bias": (5,)}
    return {name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed], ids=["stored", "compressed"])
def test_weights_that_are_damaged_are_refused_in_one_sentence(tmp_path, save):
    path, told, tried = tmp_path / "a.npz", set(), 0
    save(path, **weights())
    assert_equal(read_arrays(path), weights())
    for _ in damaged(path, count=600):
        tried += 1
        try:
            found = read_arrays(path)
            # A directory cut short by a wrong length: the network's loader names what is missing.
            assert_equal(found, {name: weights()[name] for name in found})
        except ValueError as error:
            told.add(str(error))
            assert str(error).startswith("path must be a whole .npz file of plain arrays. Received")
    assert len(told) > 20 and tried > 600
    reasons = ["CRC-32", "compression method is not supported"]
    reasons += ["while decompressing"] if save is np.savez_compressed else []
    for reason in reasons:  # it was not one kind of damage that was tried
        assert any(reason in one for one in told), reason


def test_a_method_that_cannot_unpack_is_damage_too(tmp_path):
    """Stored bytes that pass for LZMA or bzip2."""
    path = tmp_path / "a.npz"
    np.savez(path, a=np.arange(100.0))
    whole = path.read_bytes()
    local, directory = whole.index(b"PK\3\4"), whole.index(b"PK\1\2")
    for method in METHODS[1:]:
        broken = bytearray(whole)
        broken[local + 8] = broken[directory + 10] = method
        path.write_bytes(broken)
        with pytest.raises(ValueError, match="which does not read"):
            read_arrays(path)


def test_fixed_targets_that_are_damaged_are_refused(tmp_path):
    path, found = tmp_path / "t.npz", 0
    arrays = {"targets": np.ones((4, 3)), "ids": np.arange(4), "probe": np.ones((4, 3))}
    fixed_files.write(path, {"seed": 0}, arrays)
    for _ in damaged(path):
        try:
            assert_equal(fixed_files.read(path, {"seed": 0}), arrays)
        except ValueError:
            found += 1
    assert found > 100


def test_a_damaged_scan_is_made_again(tmp_path):
    kept, key = np.arange(5), "0" * 64
    sizes = spans = np.ones((5, 2))
    scan = Scan(
        kept, kept, sizes, spans, kept > 2,
        checksums=kept, orientations=kept + 1, rescued=kept > 3, skipped=[("a", "b")],
    )  # fmt: skip
    save_index(tmp_path, key, scan)
    (path,) = tmp_path.iterdir()
    found = []
    for _ in damaged(path):
        found.append(load_index(tmp_path, key))
        if found[-1]:
            assert_equal(vars(found[-1]), vars(scan))
    assert found.count(None) > 100


def test_damaged_predictions_leave_a_report_without_pictures(tmp_path):
    stored = {"label": np.arange(4), "student_logits": np.ones((4, 3)), "teacher_logits": None}
    stored["teacher_logits"] = stored["student_logits"]
    np.savez(tmp_path / "predictions.npz", **stored)
    found = [read_predictions(tmp_path) for _ in damaged(tmp_path / "predictions.npz")]
    assert found.count(None) > 100 and any(found)


def test_a_damaged_best_checkpoint_is_not_listed(tmp_path):
    saved = Checkpoints(tmp_path)
    np.savez(saved.best, **{"meta.json": np.frombuffer(b'{"step": 7}', np.uint8)})
    assert saved.files() == {7: saved.best}
    found = [saved.files() for _ in damaged(saved.best)]
    assert found.count({}) > 100 and found.count({7: saved.best}) + found.count({}) == len(found)


def test_only_the_arrays_that_are_asked_for_are_read(tmp_path):
    np.savez(tmp_path / "a.npz", **weights())
    assert_equal(read_archive(tmp_path / "a.npz", ["head/bias"]),
                 {"head/bias": weights()["head/bias"]})  # fmt: skip
    with pytest.raises(KeyError):
        read_archive(tmp_path / "a.npz", ["head/scale"])

"""Files of targets that are damaged, of another kind, or hold more than arrays are refused."""

import io
import os
import zipfile

import numpy as np
import pytest
from tiny_fixed import views_of

from keras_kd.teachers import fixed_targets
from keras_kd.teachers.fixed import files as fixed_files
from keras_kd.teachers.fixed import targets as fixed


@pytest.mark.parametrize("kept", [0, 10, 900, -1], ids=["empty", "10", "900", "all_but_one"])
def test_a_file_cut_short_is_refused(teacher, stored, kept):
    stored.write_bytes(stored.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"t\.npz is damaged, or no file of fixed targets: .*Dele"):
        fixed_targets(teacher, views_of(), stored, 8)


def test_any_flipped_byte_is_found_or_changes_nothing(stored):
    views = views_of()
    whole, want, found = stored.read_bytes(), fixed.check_fixed(stored, views), 0
    for index in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[index] ^= 0x41
        stored.write_bytes(damaged)
        try:
            read = fixed.check_fixed(stored, views)
        except ValueError:
            found += 1
        else:
            np.testing.assert_array_equal(read["targets"], want["targets"])
            np.testing.assert_array_equal(read["ids"], want["ids"])
    assert found > len(whole) // 7 // 2


def test_other_files_are_refused(teacher, stored, tmp_path):
    other = tmp_path / "other.npz"
    np.savez(other, targets=np.zeros((30, 10), np.float32))
    with pytest.raises(ValueError, match="damaged, or no file of fixed targets"):
        fixed_targets(teacher, views_of(), other, 8)
    meta = fixed.fingerprint(views_of(), teacher)
    arrays = dict(np.load(stored))
    arrays.pop("meta")
    fixed_files.write(other, meta, arrays, 8)
    with pytest.raises(ValueError, match="did not come to its end"):
        fixed_targets(teacher, views_of(), other, 8)
    fixed_files.write(other, meta, arrays | {"targets": arrays["targets"][:, :9]})
    with pytest.raises(ValueError, match=r"a row of 10 classes .* targets of shape \(30, 9\)"):
        fixed_targets(teacher, views_of(), other, 8)
    np.savez(other, **arrays, meta=np.frombuffer(b'{"fixed_targets": 9, "fingerprint": {}}', "u1"))
    with pytest.raises(ValueError, match="format version 9"):
        fixed_targets(teacher, views_of(), other, 8)


def test_pickled_objects_are_never_opened(teacher, stored):
    class Bomb:
        def __reduce__(self):
            return os._exit, (13,)

    member = io.BytesIO()
    np.save(member, np.array([Bomb()], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(stored) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(stored, "w") as archive:
        for name, content in (members | {"targets.npy": member.getvalue()}).items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        fixed_targets(teacher, views_of(), stored, 8)

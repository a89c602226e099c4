"""Reading archives of weights; damage of every kind is tried in tests/utils/test_archives.py."""

import numpy as np
import pytest

from keras_kd.models import npz


def test_arrays_come_back_with_their_type(tmp_path):
    arrays = {"a/kernel": np.arange(6, dtype="float16").reshape(2, 3), "b": np.array(7)}
    np.savez(tmp_path / "a.npz", **arrays)
    found = npz.read_arrays(tmp_path / "a.npz")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


class Bomb:
    """Its unpickling would raise another error than the one that is expected."""

    def __reduce__(self):
        return (eval, ("1 / 0",))


def test_pickled_objects_are_never_loaded(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.array([Bomb()], dtype=object))
    with pytest.raises(ValueError, match="pickled objects, which are never loaded"):
        npz.read_arrays(tmp_path / "a.npz")


def test_the_remedy_of_a_damaged_file_is_where_it_came_from(tmp_path):
    path = tmp_path / "a.npz"
    with pytest.raises(ValueError, match=r"Received: path='.*a\.npz', not there"):
        npz.read_arrays(path)
    path.write_bytes(b"text")
    with pytest.raises(ValueError, match=r"again from where it came\.$"):
        npz.read_arrays(path)
    with pytest.raises(ValueError, match=r"Delete the file, .* again from http://here/a\.npz\.$"):
        npz.read_arrays(path, "http://here/a.npz")


def test_values_that_are_not_finite_are_counted():
    assert npz.not_finite(np.zeros((3, 4))) == npz.not_finite(np.zeros(0)) == ""
    bad = np.zeros(2000)
    bad[[3, 5, 7]] = np.nan, np.inf, -np.inf
    assert npz.not_finite(bad) == "3 of 2,000 values are not finite"


def test_many_problems_are_cut_short():
    names = [str(number) for number in range(10)]
    assert npz.listed(names[:8]) == "0; 1; 2; 3; 4; 5; 6; 7"
    assert npz.listed(names) == "0; 1; 2; 3; 4; 5; 6; 7; and 2 more"

"""FSP against RepDistiller's formula in NumPy, and between networks of other widths and sizes."""

import numpy as np
import pytest

from keras_kd.methods import FSP

TAPS = {"student_taps": ["a", "b", "c"], "teacher_taps": ["a", "b", "c"]}


def maps(rng, sizes, channels):
    return {n: rng.normal(size=(3, s, s, c)) for n, s, c in zip("abc", sizes, channels)}


def matrices(numpy, x):
    found = []
    for early, late in (("a", "b"), ("b", "c")):
        size = min(x[early].shape[1], x[late].shape[1])
        early, late = (numpy.pool(x[name], size, size) for name in (early, late))
        found.append(np.einsum("bhwm,bhwn->bmn", early, late) / size**2)
    return found


@pytest.mark.parametrize("teacher_sizes", [(8, 8, 4), (6, 3, 3)])
def test_it_is_repdistillers_loss(rng, numpy, teacher_sizes):
    student = maps(rng, (8, 8, 4), (2, 3, 4))
    teacher = maps(rng, teacher_sizes, (2, 3, 4))

    def reference(s, t):
        pairs = zip(matrices(numpy, s), matrices(numpy, t))
        return sum(((a - b) ** 2).mean((1, 2)) for a, b in pairs)

    method = numpy.build(FSP(**TAPS, pool=True), student, teacher)
    assert method.weights == []
    numpy.check(method, reference, student, teacher)


def test_other_channels_are_brought_to_the_teachers(rng, numpy):
    student, teacher = maps(rng, (4, 4, 4), (2, 3, 4)), maps(rng, (8, 8, 8), (2, 5, 6))
    method = numpy.build(FSP(**TAPS), student, teacher)
    kernels = {n: w.numpy().astype("float64")[0, 0] for n, w in zip("bc", method.weights)}

    def reference(s, t):
        s = {n: x @ kernels[n] if n in kernels else x for n, x in s.items()}
        pairs = zip(matrices(numpy, s), matrices(numpy, t))
        return sum(((a - b) ** 2).mean((1, 2)) for a, b in pairs)

    numpy.check(method, reference, student, teacher)


def test_one_layer_has_no_flow():
    with pytest.raises(ValueError, match="at least 2"):
        FSP(student_taps=["a"], teacher_taps=["a"])


@pytest.mark.parametrize(
    "sizes", [((8, 8, 8), (8, 8, 4)), ((8, 4, 4), (6, 6, 6))], ids=["teacher", "student"]
)
def test_layers_of_different_size_are_refused_unless_pooled(rng, numpy, sizes):
    student, teacher = (maps(rng, each, (2, 3, 4)) for each in sizes)
    with pytest.raises(ValueError, match=r"one size.*'c' 4 x 4.*pool=True"):
        numpy.build(FSP(**TAPS), student, teacher)
    assert FSP.from_config(FSP(**TAPS, pool=True).get_config()).pool

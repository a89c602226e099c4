"""ReviewKD against mdistiller's formulas in NumPy: fusion and hierarchical context loss."""

import numpy as np
import pytest

from keras_kd.methods import ReviewKD


def hcl(numpy, s, t):
    """`hcl_loss` of one pair, of each example."""

    def distance(a, b):
        return ((a - b) ** 2).mean((1, 2, 3))

    loss, count, total = distance(s, t), 1.0, 1.0
    for level in (4, 2, 1):
        if level >= s.shape[1]:
            continue
        count /= 2
        loss = loss + count * distance(numpy.pool(s, level, level), numpy.pool(t, level, level))
        total += count
    return loss / total


def nearest(x, size):
    index = np.arange(size) * x.shape[1] // size
    return x[:, index][:, :, index]


def test_it_is_mdistillers_loss(rng, numpy):
    student = {
        "a": rng.normal(size=(3, 8, 8, 2)),
        "b": rng.normal(size=(3, 4, 4, 3)),
        "pooled": rng.normal(size=(3, 4)),
    }
    teacher = {
        "a": rng.normal(size=(3, 10, 10, 3)),
        "b": rng.normal(size=(3, 5, 5, 4)),
        "pooled": rng.normal(size=(3, 6)),
    }
    method = ReviewKD(student_taps=["a", "b", "pooled"], teacher_taps=["a", "b", "pooled"])
    numpy.build(method, student, teacher)
    weights = []
    for fusion in method.fusions:
        assert fusion.middle == 4  # as many as the last student tap has
        convs = [fusion.inner.steps[0], fusion.outer.steps[0]]
        convs += [fusion.attention] if fusion.attention is not None else []
        weights.append([c.kernel.numpy().astype("float64") for c in convs])

    def reference(s, t):
        loss, later = 0.0, None
        for name, kernels in list(zip(("a", "b", "pooled"), weights))[::-1]:
            x, target = (v[name] if v[name].ndim == 4 else v[name][:, None, None] for v in (s, t))
            x = numpy.batch_norm(numpy.convolve(x, kernels[0]))
            if later is not None:
                later = nearest(later, x.shape[1])
                z = np.concatenate([x, later], -1) @ kernels[2][0, 0]
                z = 1 / (1 + np.exp(-z))
                x = x * z[..., :1] + later * z[..., 1:]
            later = x = nearest(x, target.shape[1])
            loss = loss + hcl(numpy, numpy.batch_norm(numpy.convolve(x, kernels[1])), target)
        return loss

    numpy.check(method, reference, student, teacher, rtol=1e-3)


def test_the_running_map_is_bounded():
    method = ReviewKD(student_taps=["a"], teacher_taps=["a"], max_channels=3)
    method.build({}, {"a": (None, 4, 4, 9)}, {"a": (None, 4, 4, 9)})
    assert method.fusions[0].middle == 3
    with pytest.raises(ValueError, match="max_channels must be"):
        ReviewKD(student_taps=["a"], teacher_taps=["a"], max_channels=0)

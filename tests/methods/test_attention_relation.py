"""Attention relations against loops over heads and places, between networks of any two kinds."""

import keras
import numpy as np
import pytest
from token_networks import images, tiny

from keras_kd import KDModel
from keras_kd.methods import AttentionRelation

QKV = ["q", "k", "v"]


def attention(queries, keys, heads):
    """Softmax of scaled dot products of one example, `[heads, N, N]`."""
    size = queries.shape[-1] // heads
    found = []
    for head in range(heads):
        own = slice(head * size, (head + 1) * size)
        scores = queries[:, own] @ keys[:, own].T / np.sqrt(size)
        found.append(np.exp(scores) / np.exp(scores).sum(-1, keepdims=True))
    return np.array(found)


def reference(pairs, heads):
    def loss(student, teacher):
        values = []
        for index in range(len(student["q"])):
            value = 0.0
            for first, second in pairs:
                s, t = (
                    attention(x[first][index], x[second][index], heads) for x in (student, teacher)
                )
                value += (t * np.log(t / s)).sum() / (heads * len(student["q"][index]))
            values.append(value)
        return values

    return loss


@pytest.mark.parametrize(
    ("options", "pairs"),
    [
        ({"heads": 2}, [("q", "q"), ("k", "k"), ("v", "v")]),
        ({"heads": 4, "attention": True}, [("q", "k"), ("v", "v")]),
    ],
    ids=["MiniLMv2", "MiniLM"],
)
def test_it_is_the_paper_s_loss(rng, numpy, options, pairs):
    # Other widths: 12 and 8 channels.
    student = {name: rng.normal(size=(3, 5, 8)) for name in QKV}
    teacher = {name: rng.normal(size=(3, 5, 12)) for name in QKV}
    method = AttentionRelation(student_taps=QKV, teacher_taps=QKV, **options)
    numpy.check(method, reference(pairs, options["heads"]), student, teacher)


def test_maps_are_pooled_and_serve_as_tokens(rng, numpy):
    student, teacher = rng.normal(size=(3, 2, 2, 4)), rng.normal(size=(3, 4, 6, 6))

    def loss(s, t):
        flat = numpy.pool(t["a"], 2, 2).reshape(3, 4, 6)
        return reference([("q", "q")], 2)({"q": s["a"].reshape(3, 4, 4)}, {"q": flat})

    method = AttentionRelation(student_taps=["a"], teacher_taps=["a"], heads=2)
    numpy.check(method, loss, {"a": student}, {"a": teacher})


def test_equal_relations_lose_nothing(rng, numpy):
    x = rng.normal(size=(3, 5, 8))
    turn, _ = np.linalg.qr(rng.normal(size=(8, 8)))  # keeps all dot products
    method = AttentionRelation(student_taps=["a"], teacher_taps=["a"])
    np.testing.assert_allclose(numpy.loss_of(method, {"a": x}, {"a": x @ turn}), 0.0, atol=1e-5)


def test_a_transformer_learns_from_another_of_other_heads():
    student = tiny("vit", 3, width=8, heads=2, depth=1)
    teacher = tiny("vit", 3, depth=1)
    names = [f"block1_{part}" for part in ("query", "key", "value")]
    kd = KDModel(student, teacher, AttentionRelation(names, names, heads=4))
    kd.compile(keras.optimizers.Adam(0.02), run_eagerly=True)
    losses = [float(np.ravel(kd.train_on_batch(images(8)))[0]) for _ in range(3)]
    assert losses[2] < losses[1] < losses[0]


@pytest.mark.parametrize(
    ("options", "shapes", "message"),
    [
        ({"heads": 3}, ((5, 8), (5, 12)), "heads must divide the channels of every tap. .*heads=3"),
        ({}, ((5, 8), (6, 8)), r"as many places on both sides.*'q' \(None, 5, 8\)"),
        ({}, ((4, 8), (2, 2, 8)), "Tap maps, as block3_map"),
        ({}, ((8,), (8,)), "needs tokens"),
    ],
)
def test_what_cannot_meet(options, shapes, message):
    method = AttentionRelation(student_taps=["q"], teacher_taps=["q"], **options)
    with pytest.raises(ValueError, match=message):
        method.build({}, *({"q": (None, *shape)} for shape in shapes))


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"needs taps. Received: student_taps=\[\]"):
        AttentionRelation()
    with pytest.raises(ValueError, match="Name three layers a block"):
        AttentionRelation(student_taps=["q", "k"], teacher_taps=["q", "k"], attention=True)
    with pytest.raises(ValueError, match="heads must be a whole number"):
        AttentionRelation(student_taps=["q"], teacher_taps=["q"], heads=0)

"""SimKD: the loss in NumPy, and the student that carries the teacher's classifier."""

import keras
import numpy as np
import pytest

import keras_kd
from keras_kd.methods import SimKD, SoftTargets
from keras_kd.models import bit_resnet, resnet
from keras_kd.models.taps import tapped


def make(**kwargs):
    return SimKD(student_taps=["stage3"], teacher_taps=["stage3"], **kwargs)


@pytest.fixture(scope="module")
def pair():
    keras.utils.set_random_seed(0)
    student = resnet(8, 0.25, num_classes=4, input_shape=(8, 8, 3))
    return student, resnet(8, 0.5, num_classes=4, input_shape=(16, 16, 3))


def test_it_is_the_mean_squared_difference(rng, numpy):
    student, teacher = (
        {"stage3": rng.normal(size=(3, 2, 2, 4))},
        {"stage3": rng.normal(size=(3, 4, 4, 4))},
    )

    def reference(s, t):
        return ((s["stage3"] - numpy.pool(t["stage3"], 2, 2)) ** 2).mean((1, 2, 3))

    numpy.check(make(), reference, student, teacher)


def test_the_student_ends_in_the_teachers_classifier(pair, rng):
    student, teacher = pair
    joined = make().prepare_student(student, teacher)
    assert joined.input_shape == student.input_shape and joined.output_shape == (None, 4)
    classifier = joined.layers[-1]
    for a, b in zip(classifier.get_weights(), teacher.get_layer("logits").get_weights()):
        np.testing.assert_array_equal(a, b)
    assert classifier.trainable_variables == []
    assert teacher.get_layer("logits").trainable  # the teacher's own is left as it was
    # A student whose projected map is the teacher's gives the teacher's logits.
    outputs = tapped(teacher, ["stage3"])(rng.normal(size=(2, 16, 16, 3)).astype("float32"))
    pooled = np.mean(outputs["stage3"], axis=(1, 2))
    np.testing.assert_allclose(classifier(pooled), outputs["logits"], rtol=1e-4, atol=1e-5)


def test_a_classifier_whose_name_the_student_uses_before_gets_another():
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(3, 3, name="logits")(images)
    x = keras.layers.Conv2D(3, 3, name="last")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    student = keras.Model(images, keras.layers.Dense(4)(x))
    teacher = resnet(8, 0.5, num_classes=4, input_shape=(16, 16, 3))
    joined = SimKD(["last"], ["stage3"]).prepare_student(student, teacher)
    assert joined.layers[-1].name == "simkd_logits"


def test_training_moves_the_trunk_and_the_projector_only(pair, rng):
    student, teacher = pair
    method = make()
    kd = keras_kd.KDModel(method.prepare_student(student, teacher), teacher, [method])
    kd.compile(keras.optimizers.SGD(0.1))
    before = {v.path: v.numpy() for v in kd.student.weights}
    x = {"student": rng.normal(size=(4, 8, 8, 3)), "teacher": rng.normal(size=(4, 16, 16, 3))}
    kd.fit({name: value.astype("float32") for name, value in x.items()}, verbose=0)
    moved = {v.path for v in kd.student.weights if np.abs(v.numpy() - before[v.path]).max() > 0}
    assert {"simkd_1_conv/kernel", "stem_conv/kernel"} <= moved
    assert not any(path.startswith("logits") for path in moved)


def test_a_copy_prepares_a_student_of_its_own(pair):
    method = make()
    first = method.prepare_student(*pair)
    copy = SimKD.from_config(method.get_config())
    assert copy.student_taps == ("stage3",) and method.student_taps == ("simkd_projected",)
    for again in (copy, method):
        second = again.prepare_student(*pair)
        assert [w.shape for w in second.weights] == [w.shape for w in first.weights]


@pytest.mark.parametrize(
    ("side", "expected"), [(32, (4, 4)), (24, (6, 6)), (8, (2, 2))], ids=["even", "uneven", "less"]
)
def test_a_larger_map_is_pooled_before_its_projector(pair, side, expected):
    """The teacher's last map has 4 x 4 positions."""
    student = resnet(8, 0.25, num_classes=4, input_shape=(side, side, 3))
    joined = make().prepare_student(student, pair[1])
    assert joined.get_layer("simkd_1_conv").output.shape[1:3] == expected
    images = np.random.default_rng(0).normal(size=(2, side, side, 3)).astype("float32")
    maps = tapped(joined, ["stage3", "simkd_1_conv"])(images)
    before, projected = maps["stage3"].numpy(), maps["simkd_1_conv"]
    kernel = joined.get_layer("simkd_1_conv").kernel.numpy()[0, 0]
    pooled = before.reshape(
        2, expected[0], before.shape[1] // expected[0], expected[1], -1, before.shape[-1]
    ).mean((2, 4))
    np.testing.assert_allclose(projected, pooled @ kernel, atol=1e-5)


def tiny_bit():
    return bit_resnet((1, 1), 0.125, num_classes=4, input_shape=(16, 16, 3), small_root=True)


@pytest.mark.parametrize(
    ("make_teacher", "right", "wrong"),
    [
        # All of as many channels: only the values tell them apart.
        (tiny_bit, "relu", ("norm", "stage2")),
        (
            lambda: resnet(14, 0.5, 4, (16, 16, 3)),
            "stage3",
            ("stage3_block2_add", "stage3_block1_relu2"),
        ),
    ],
    ids=["bit", "resnet"],
)
def test_a_tap_that_the_classifier_does_not_read_is_refused(pair, make_teacher, right, wrong):
    teacher = make_teacher()

    def joined(tap):
        method = SimKD(student_taps=["stage3"], teacher_taps=[tap])
        return method.prepare_student(pair[0], teacher)

    joined(right)
    for tap in wrong:
        with pytest.raises(ValueError, match=rf"teacher tap '{tap}'.*right before the global pool"):
            joined(tap)


def test_a_teacher_in_half_precision_passes_the_check(pair):
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        teacher = resnet(8, 0.5, num_classes=4, input_shape=(16, 16, 3))
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    assert make().prepare_student(pair[0], teacher).output_shape == (None, 4)


def test_what_does_not_fit_is_refused(pair):
    student, teacher = pair
    with pytest.raises(ValueError, match=r"as many channels.*prepare_student"):
        keras_kd.KDModel(student, teacher, make())
    with pytest.raises(ValueError, match="ends in a Dense layer on the averaged map of its tap"):
        SimKD(student_taps=["stage3"], teacher_taps=["stage2"]).prepare_student(student, teacher)
    with pytest.raises(ValueError, match="Choose the layer before the global pooling"):
        SimKD(student_taps=["pre_logits"], teacher_taps=["stage3"]).prepare_student(*pair)
    with pytest.raises(ValueError, match="one pair of taps"):
        SimKD(student_taps=["a", "b"], teacher_taps=["a", "b"])


def test_other_methods_leave_the_student_as_it_is(pair):
    assert SoftTargets().prepare_student(*pair) is pair[0]

"""What a KDModel refuses, in a sentence whose advice works when it is followed to the letter."""

import re

import keras
import numpy as np
import pytest
from subclassed import subclassed

import keras_kd
from keras_kd.methods import Hint, SoftTargets

L = keras.layers
COUNT, CLASSES = 8, 3


def images():
    return keras.Input((8, 8, 3))


def head(x):
    return L.Dense(CLASSES)(x)


def trunk(i, channels=4):
    return L.Flatten()(L.Conv2D(channels, 3, name="conv")(i))


def net(end=head, channels=4):
    i = images()
    return keras.Model(i, end(trunk(i, channels)))


def pair(key="logits"):
    """A network with features beside its logits, in a dict, or with key=None in a list."""
    i = images()
    features = trunk(i)
    outputs = [head(features), features]
    return keras.Model(i, outputs if key is None else dict(zip((key, "features"), outputs)))


def data():
    x = np.random.default_rng(0).uniform(-1, 1, (COUNT, 8, 8, 3)).astype("float32")
    return x, np.arange(COUNT) % CLASSES


def works(student, teacher, **kwargs):
    """Trains, evaluates and predicts; returns the model."""
    x, y = data()
    kd = keras_kd.KDModel(student, teacher, SoftTargets(), 0.5, fidelity=True, **kwargs)
    before = [] if teacher is None else [w.numpy() for w in teacher.weights]
    kd.compile(keras.optimizers.SGD(0.1), metrics=["accuracy"])
    history = kd.fit(x, y, batch_size=4, validation_data=(x, y), verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "val_kl"} <= history.keys()
    kd.evaluate(x, y, verbose=0)
    kd.predict(x, verbose=0)
    for a, b in zip(before, [] if teacher is None else teacher.weights):
        np.testing.assert_array_equal(a, b.numpy())
    return kd


def on_the_stem_of(teacher):
    stem = teacher.get_layer("conv").output
    return keras.Model(teacher.input, L.Dense(CLASSES)(L.GlobalMaxPooling2D()(stem)))


def shared():
    teacher = net()
    return on_the_stem_of(teacher), teacher


def shared_statistics():
    """Batch norm without scale and shift: no weight to train, but statistics that move."""
    i = images()
    norm = L.BatchNormalization(center=False, scale=False, name="norm")
    x = L.Flatten()(norm(i))
    return keras.Model(i, head(x)), keras.Model(i, head(x))


def own_weights(model):
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def freeze_shared(student, teacher):
    teacher.trainable = False
    return student, teacher


def frozen_layers():
    student = net(lambda x: keras.Sequential([L.Dense(5), L.Dense(CLASSES)])(x))
    for layer in student.layers:
        for inner in getattr(layer, "layers", [layer]):
            inner.trainable = False
    return student, net()


def thawed(model):
    model.trainable = False
    model.trainable = True
    return model


def frozen_whole():
    teacher = keras_kd.teachers.load(net(), CLASSES, (8, 8, 3))
    return keras.Model(teacher.input, teacher.output), teacher


def frozen_alone():
    student = net()
    student.trainable = False
    return student, net()


def wrapped(model):
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, model(inputs))


def named(index_or_key):
    def name(model):
        outputs = model.outputs if isinstance(index_or_key, int) else model.output
        return keras.Model(model.input, {"logits": outputs[index_or_key]})

    return name


def two_inputs():
    i, number = images(), keras.Input((1,))
    return keras.Model([i, number], head(L.Concatenate()([L.Flatten()(i), number])))


def one_input(model):
    i = images()
    return keras.Model(i, model([i, keras.ops.ones_like(i[:, 0, 0, :1])]))


def map_of_logits():
    i = images()
    return keras.Model(i, L.Conv2D(CLASSES, 3)(i))


def softmax(x):
    return L.Softmax()(head(x))


FIRST = lambda follow: lambda s, t: (follow(s), t)  # noqa: E731
SECOND = lambda follow: lambda s, t: (s, follow(t))  # noqa: E731
# (student, teacher) with a mistake, what is said, and the advice followed.
MISTAKES = {
    "a student on the teacher's stem": (
        shared,
        r"student must not train weights of it\. Received: 2 weights of both, such as 'conv/bias'"
        r".*clone_model\(model\); copy\.set_weights\(model\.get_weights\(\)\)",
        FIRST(own_weights),
    ),
    "a student on the teacher's stem, frozen": (
        shared,
        r"or freeze what they share: layer\.trainable = False",
        freeze_shared,
    ),
    "statistics in common": (shared_statistics, "norm/moving_mean", FIRST(own_weights)),
    "the same model twice": (lambda: (net(),) * 2, "clone_model", FIRST(own_weights)),
    "a student all frozen": (
        frozen_alone,
        r"all of whose weights are frozen\. Thaw it: model\.trainable = False; model",
        FIRST(thawed),
    ),
    "a student whose layers are frozen one by one": (
        frozen_layers,
        r"Thaw it: model\.trainable = False; model\.trainable = True",
        FIRST(thawed),
    ),
    "a student of a frozen teacher's layers": (
        frozen_whole,
        r"frozen and are those of the teacher\. Give a copy.* copy\.trainable = True\.$",
        FIRST(lambda model: thawed(own_weights(model))),
    ),
    "a teacher with two outputs": (
        lambda: (net(), pair(None)),
        r"the outputs 0 \(None, 3\), 1 \(None, 144\).*\{'logits': model\.outputs\[0\]\}",
        SECOND(named(0)),
    ),
    "a teacher with other keys": (
        lambda: (net(), pair("predictions")),
        r"outputs 'predictions' \(None, 3\).*\{'logits': model\.output\['predictions'\]\}",
        SECOND(named("predictions")),
    ),
    "a student with two outputs": (
        lambda: (pair(None), net()),
        r"The student must give logits.*model\.outputs\[0\]",
        FIRST(named(0)),
    ),
    "a subclassed student": (
        lambda: (subclassed(CLASSES), net()),
        r"a Subclassed without one\. Wrap it: inputs = keras\.Input\(\(height, width, ",
        FIRST(wrapped),
    ),
    "a Sequential that was not built": (
        lambda: (keras.Sequential([L.Flatten(), L.Dense(CLASSES)]), net()),
        "a Sequential without one",
        FIRST(wrapped),
    ),
    "a softmax at the end of the teacher": (
        lambda: (net(), net(softmax)),
        r"The teacher must end in logits.*softmax \('softmax.*Give keras_kd\.models\.to_logits",
        SECOND(keras_kd.models.to_logits),
    ),
    "a softmax under logits beside other keys": (
        lambda: (net(), net(lambda x: {"features": x, "logits": keras.ops.softmax(head(x))})),
        "which ends in softmax",
        SECOND(keras_kd.models.to_logits),
    ),
    "a sigmoid in a nested head of the student": (
        lambda: (
            net(lambda x: keras.Sequential([L.Dense(CLASSES, activation="sigmoid")])(x)),
            net(),
        ),
        r"The student must end in logits.*sigmoid \('sequential",
        FIRST(keras_kd.models.to_logits),
    ),
    "a student of two inputs": (
        lambda: (two_inputs(), net()),
        r"The student must take one tensor, the images.* with 2 inputs\. Fix the others",
        FIRST(one_input),
    ),
    "a teacher that answers a map": (
        lambda: (net(), map_of_logits()),
        r"The teacher must give logits \[B, K\].*\(None, 6, 6, 3\)\..*GlobalAveragePooling2D\(\)",
        SECOND(lambda model: keras.Model(model.input, L.GlobalAveragePooling2D()(model.output))),
    ),
    "a class in a network's place": (
        lambda: (net(), keras.Model),
        r"The teacher must be a Keras model or another function",
        SECOND(lambda model: net()),
    ),
    "a teacher by its path": (
        lambda: (net(), "teacher.keras"),
        r"teacher='teacher\.keras'\. Load it first: keras_kd\.teachers\.load",
        SECOND(lambda path: keras_kd.teachers.load(net(), CLASSES, (8, 8, 3))),
    ),
    "a student by its path": (
        lambda: ("student.keras", net()),
        r"student must be a Keras model.*load it with keras\.models\.load_model",
        FIRST(lambda path: net()),
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_the_advice_of_a_refusal_works(name):
    make, message, follow = MISTAKES[name]
    networks = make()
    with pytest.raises(ValueError, match=message) as refusal:
        keras_kd.KDModel(*networks, SoftTargets())
    said = str(refusal.value)
    assert "Received: " in said and "\n" not in said and re.search(r"[.)]$", said)
    works(*follow(*networks))


@pytest.mark.parametrize("role", ["learners", "sources"])
def test_networks_of_any_name_are_looked_at(role):
    bad = net(softmax)
    with pytest.raises(ValueError, match=r"The peer must end in logits.*ends in softmax"):
        keras_kd.KDModel(net(), net(), SoftTargets(), **{role: {"peer": bad}})
    student, peer = shared()
    if role == "learners":
        with pytest.raises(ValueError, match=r"The teacher is never trained, so the peer must not"):
            keras_kd.KDModel(net(), peer, SoftTargets(), learners={"peer": student})
    else:
        with pytest.raises(ValueError, match=r"The peer is never trained, so the student must not"):
            keras_kd.KDModel(student, net(), SoftTargets(), sources={"peer": peer})


def test_a_frozen_teacher_is_looked_through():
    """It is no Keras model, and what it was made from decides."""
    frozen = keras_kd.teachers.freeze(net(softmax), input_shape=(8, 8, 3))
    with pytest.raises(ValueError, match=r"Freeze keras_kd\.models\.to_logits\(model\)"):
        keras_kd.KDModel(net(), frozen, SoftTargets())
    better = keras_kd.models.to_logits(frozen.original)
    frozen = keras_kd.teachers.freeze(better, input_shape=(8, 8, 3))
    keras_kd.KDModel(net(), frozen, SoftTargets())
    with pytest.raises(ValueError, match="must not train weights of it"):
        keras_kd.KDModel(on_the_stem_of(thawed(better)), frozen, SoftTargets())


def test_layers_that_nothing_moves_may_be_shared():
    """A common normalisation of the images, and a frozen stem with dropout and batch norm."""
    i = images()
    normalized = L.Normalization(mean=[0.1] * 3, variance=[0.5] * 3)(i)
    stem = keras.Sequential([L.Conv2D(4, 3), L.BatchNormalization(), L.Dropout(0.5)])
    features = stem(normalized)
    stem.trainable = False
    teacher = keras.Model(i, L.Dense(CLASSES)(L.Flatten()(features)))
    student = keras.Model(i, L.Dense(CLASSES)(L.GlobalMaxPooling2D()(features)))
    before = stem.get_weights()
    works(student, teacher)
    for a, b in zip(before, stem.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_student_that_gives_a_dict_trains_evaluates_predicts_and_is_tapped():
    """Case r15."""
    student, teacher = pair(), pair()
    x, y = data()
    kd = works(student, teacher)
    predicted = kd.predict(x, verbose=0)
    assert predicted.keys() == {"logits", "features"}
    np.testing.assert_allclose(predicted["logits"], student.predict(x, verbose=0)["logits"])
    found = kd.evaluate(x, y, verbose=0, return_dict=True)
    right = np.mean(predicted["logits"].argmax(-1) == y)
    assert found["accuracy"] == pytest.approx(right)
    methods = [Hint(["conv"], ["conv"]), SoftTargets()]
    tapped = keras_kd.KDModel(student, teacher, methods)
    tapped.compile("sgd")
    assert np.isfinite(tapped.fit(x, y, verbose=0).history["loss"]).all()


def test_a_list_of_one_output_is_that_output():
    i = images()
    student = keras.Model(i, [head(trunk(i))])
    kd = works(student, net())
    x = data()[0]
    predicted, own = kd.predict(x, verbose=0), student.predict(x, verbose=0)
    assert np.shape(np.squeeze(predicted)) == (len(x), CLASSES)
    np.testing.assert_allclose(np.squeeze(predicted), np.squeeze(own), rtol=1e-5, atol=1e-6)


def test_a_subclassed_teacher_is_accepted():
    kd = keras_kd.KDModel(net(), subclassed(CLASSES), SoftTargets())
    kd.compile("sgd")
    assert np.isfinite(kd.fit(*data(), verbose=0).history["loss"]).all()


@pytest.mark.parametrize("argument", ["learners", "sources"])
def test_further_networks_have_names(argument):
    with pytest.raises(ValueError, match=rf"^{argument} must be a dict of name to network"):
        keras_kd.KDModel(net(), net(), SoftTargets(), **{argument: [net()]})


def test_a_weight_is_trained_by_one_learner():
    student, peer = shared()
    methods = lambda: [  # noqa: E731
        SoftTargets(source="peer"),
        SoftTargets(learner="peer", source="student", name="back"),
    ]
    for twin in (peer, student):
        with pytest.raises(ValueError, match=r"^Each weight is trained by one.*of the student and"):
            keras_kd.KDModel(student, None, methods(), learners={"peer": twin})
    kd = keras_kd.KDModel(student, None, methods(), learners={"peer": own_weights(peer)})
    kd.compile("sgd")  # as advised
    assert np.isfinite(kd.fit(data()[0], verbose=0).history["loss"]).all()

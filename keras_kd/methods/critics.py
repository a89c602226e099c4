"""What the adversarial losses share: critics, which tell a teacher's features from a student's."""

import keras

CRITIC = "critic"


def critic(sizes, outputs=1, width=0):
    """A network of two hidden layers for each of several vectors.

    Args:
        sizes: length of each vector.
        outputs: numbers that each network gives.
        width: units of its first hidden layer, twice those of the second; 0: half the vector's.

    Returns:
        a `keras.Model` from a list of `[B, size]` to `[B, len(sizes), outputs]`, in float32.
    """
    layers = keras.layers
    vectors = [keras.Input((size,), dtype="float32") for size in sizes]
    rows = []
    for vector, size in zip(vectors, sizes):
        units = width or max(2, size // 2)
        x = vector
        for wide in (units, max(2, units // 2)):
            x = layers.LeakyReLU(0.2, dtype="float32")(layers.Dense(wide, dtype="float32")(x))
        x = layers.Dense(outputs, dtype="float32")(x)
        rows.append(layers.Reshape((1, outputs), dtype="float32")(x))
    answer = layers.Concatenate(axis=1, dtype="float32")(rows) if len(rows) > 1 else rows[0]
    return keras.Model(vectors, answer, name=CRITIC)

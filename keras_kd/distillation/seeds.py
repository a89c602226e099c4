"""Randomness inside models (dropout, stochastic depth) as a pure function of (seed, step).

A Keras `SeedGenerator` counts its draws, so what it gives depends on all that happened before.
Set to numbers made from the seed, the generator's place in the model, the step and the replica
before every step, it depends on these alone: a run may start at any step.
"""

import tensorflow as tf

from keras_kd.data.random_streams import stream_seed
from keras_kd.distribution.replicas import examples_before

# A generator may draw this often in a step before it meets the next step's numbers.
_DRAWS_A_STEP = 2**20


def generator_states(layers):
    """The states of all Keras seed generators in some layers or models, nested ones included.

    Args:
        layers: list of built Keras layers or models.

    Returns:
        list of int64 `[2]` Keras variables, in the order of the models' layers. Keras counts them
        among a layer's `variables` but not among its `weights`.
    """
    states = {}
    for layer in layers:
        weights = {id(v) for v in layer.weights}
        states |= {id(v): v for v in layer.variables if id(v) not in weights}
    return [v for v in states.values() if tuple(v.shape) == (2,) and v.dtype == "int64"]


def of_network(seed, name, step):
    """Random numbers of a step for one network, int64 `[2]`, the same on all replicas."""
    return stream_seed(seed, f"network/{name}", step)


def noise(count, total, shape, key):
    """Normal noise for this replica's examples, cut from that of the global batch.

    Args:
        count: int32 scalar tensor, examples of this replica; called inside a replica.
        total: int32 scalar tensor, examples of all.
        shape: shape of the noise of one example.
        key: int64 `[2]`, the same on all replicas.

    Returns:
        float32 `[count, *shape]`.
    """
    every = tf.random.stateless_normal((total, *shape), key, alg="philox")
    start = examples_before(count)
    return every[start : start + count]


def set_states(states, seed, step):
    """Sets every generator for one step; called inside a replica, before anything is drawn.

    Args:
        states: what `generator_states` gave.
        seed: int, the seed of the run.
        step: int64 scalar tensor, the step from 0.
    """
    context = tf.distribute.get_replica_context()
    replica = 0 if context is None else context.replica_id_in_sync_group
    for index, state in enumerate(states):
        key = stream_seed(seed, f"model/{index}", step * _DRAWS_A_STEP)
        state.assign(key + tf.stack([tf.cast(replica, tf.int64), tf.constant(0, tf.int64)]))

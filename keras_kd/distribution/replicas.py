"""What several replicas need so that they do exactly what one does.

Keras 3 gets five things wrong under `tf.distribute`. Each has its remedy here, the only place
that overrides Keras internals for it, and a test in `tests/strategy` that fails when one changes:

* `BaseOptimizer.apply` clips each replica's gradients *before* it sums them. `sum_first` makes
  the caller's sum the only one, so clipping (and loss scaling) sees the summed gradient.
* `_maybe_symbolic_build` adds up the replicas' batches, which dies where they differ in size.
* Logs are averaged over replicas instead of read from the synchronised metrics.
* XLA (`jit_compile=True`) is put around `strategy.run`, where it cannot compile.
* With several workers it averages each step's logs over an axis that scalars do not have.
"""

import keras
import tensorflow as tf


def sum_over_replicas(values):
    """Sums a tensor, or a list of tensors that may hold None, over all replicas.

    Args:
        values: a tensor, or a list of tensors and Nones; called inside a replica.

    Returns:
        the same structure; the input itself where there is one replica.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return values
    if not isinstance(values, list):
        return context.all_reduce(tf.distribute.ReduceOp.SUM, values)
    present = [value for value in values if value is not None]
    summed = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, present))
    return [None if value is None else next(summed) for value in values]


def examples_before(count):
    """How many examples of the global batch lie on the replicas before this one.

    Args:
        count: integer scalar tensor, examples of this replica; called inside a replica.

    Returns:
        int32 scalar tensor.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return tf.constant(0)
    replica, replicas = context.replica_id_in_sync_group, context.num_replicas_in_sync
    mine = tf.one_hot(replica, replicas, dtype=tf.int32) * tf.cast(count, tf.int32)
    before = tf.range(replicas) < replica
    return tf.reduce_sum(tf.where(before, sum_over_replicas(mine), 0))


def average_over_replicas(variables, count, total):
    """Gives all replicas the same values: the mean, weighted by each one's examples.

    Unsynchronised batch norm moves its averages by each replica's own share of the batch; left
    alone, every replica would end with another network, and only the first one's is saved.

    Args:
        variables: list of float Keras variables; called inside a replica.
        count: float32 scalar, examples of this replica.
        total: float32 scalar, examples of all.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1 or not variables:
        return
    # An empty replica's averages are not numbers, and must not weigh in.
    shares = [
        tf.where(count > 0, tf.cast(v.value, "float32") * (count / total), 0.0) for v in variables
    ]
    for variable, mean in zip(variables, sum_over_replicas(shares)):
        variable.assign(tf.cast(mean, variable.dtype))


def sum_first(optimizer):
    """Tells a Keras optimizer that the gradients it gets are already summed over the replicas.

    Args:
        optimizer: a `keras.optimizers.Optimizer`, loss-scaling ones included.

    Raises:
        ValueError: the optimizer accumulates gradients, which Keras cannot do under replicas.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if inner.gradient_accumulation_steps:
        raise ValueError(
            "Gradient accumulation works on one replica only. Received: "
            f"gradient_accumulation_steps={inner.gradient_accumulation_steps}. Use a smaller "
            "number of replicas, or a smaller batch with no accumulation."
        )
    inner._all_reduce_sum_gradients = lambda grads_and_vars: grads_and_vars


class OneWorkersView:
    """A strategy over several workers, as Keras's training loop should see it.

    Keras asks whether it holds a `MultiWorkerMirroredStrategy`, and then reduces the logs of every
    step over all workers, wrongly. Of any other strategy it takes this process's values, and reads
    the metrics, which are right over all workers, when an epoch ends.

    Args:
        strategy: a `tf.distribute.MultiWorkerMirroredStrategy`.
    """

    def __init__(self, strategy):
        self._strategy = strategy

    def __getattr__(self, name):
        return getattr(self._strategy, name)


class ReplicaSafe:
    """Mixin for `keras.Model`: symbolic build and logs that hold under any strategy."""

    optimizers = {}  # all optimizers by the name of what they train

    @property
    def distribute_strategy(self):
        """As in Keras: the strategy under which this model was made."""
        strategy = super().distribute_strategy
        return OneWorkersView(strategy) if spans_workers(strategy) else strategy

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        if self._distribute_strategy is None or self._all_built():
            return
        if iterator is not None:
            for _, _, batches in iterator:
                # One replica's share stands for all: only ranks and types matter here.
                data_batch = tf.nest.map_structure(self._first_replica, next(batches))
                break
        with self.distribute_strategy.scope():
            self._symbolic_build(data_batch=data_batch)

    def _all_built(self):
        """Whether a batch would tell nothing new; compiled metrics are built by the first one."""
        parts = [*self._flatten_layers(), self._compile_metrics, self._compile_loss]
        parts += [self.optimizer, *self.optimizers.values()]
        return all(part is None or part.built for part in parts)

    def _first_replica(self, value):
        value = self.distribute_strategy.experimental_local_results(value)[0]
        return keras.KerasTensor((None, *value.shape[1:]), dtype=value.dtype.name)

    def _get_metrics_result_or_logs(self, logs):
        results = self.get_metrics_result()
        return {name: results.get(name, value) for name, value in logs.items()}


def never_empty(batch):
    """A batch with a row of zeros where this replica got no example of the last one.

    TensorFlow's oneDNN kernels give a fused convolution of no image a wrong shape. Cut the answers
    to the batch's own length.

    Args:
        batch: structure of tensors `[B, ...]`; called inside a replica.

    Returns:
        the same structure; the batch itself where there is one replica or a known length.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return batch

    def filled(values):
        values = tf.convert_to_tensor(values)
        if values.shape[0] is not None:
            return values
        missing = tf.maximum(1 - tf.shape(values)[0], 0)
        return tf.pad(values, [[0, missing], *[[0, 0]] * (values.shape.rank - 1)])

    return tf.nest.map_structure(filled, batch)


def spans_workers(strategy):
    """Whether a strategy trains together with other processes."""
    return (
        isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        and len(strategy.cluster_resolver.cluster_spec().as_dict()) > 0
    )


def virtual_cpus(count):
    """Splits the CPU into virtual devices; call it before TensorFlow uses any device.

    Args:
        count: how many; 1 leaves everything as it is.

    Returns:
        list of their names for `mirrored`, or None for 1.
    """
    if count == 1:
        return None
    cpu = tf.config.list_physical_devices("CPU")[0]
    devices = [tf.config.LogicalDeviceConfiguration() for _ in range(count)]
    tf.config.set_logical_device_configuration(cpu, devices)
    return [f"CPU:{index}" for index in range(count)]


def mirrored(devices=None):
    """A `MirroredStrategy` over the given devices, by default over all accelerators.

    Args:
        devices: list of device names, or None for every GPU (the CPU where there is none).

    Returns:
        a `tf.distribute.MirroredStrategy`. Virtual CPU devices get a reduction that works with
        several strategies in a process and with `steps_per_execution`; collectives do not.
    """
    if devices is None:
        found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        devices = [device.name.split("device:")[-1] for device in found]
    on_cpu = all("CPU" in device for device in devices)
    return tf.distribute.MirroredStrategy(
        devices, cross_device_ops=tf.distribute.ReductionToOneDevice() if on_cpu else None
    )

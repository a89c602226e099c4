"""Where a run trains: one device, several, several machines, or a TPU; and who gets which rows."""

import contextlib
import functools
import time
import zlib

import tensorflow as tf

from keras_kd.distribution import rendezvous, replicas
from keras_kd.utils.names import nearest

LOOKS = 10  # at the files of the other workers, a second apart
NAMES = ("auto", "one_device", "mirrored", "multi_worker", "tpu")


class ChiefStopped(RuntimeError):
    """The chief refused something that the other workers need, and told why."""


def build(name="auto", virtual_devices=1, tpu="", worker_timeout=300.0, run_id=""):
    """The strategy that a command asks for; call it before TensorFlow uses any device.

    Args:
        name: `one_device`: the first accelerator, or the CPU, without any strategy.
            `mirrored`: all accelerators of this machine, or all virtual devices.
            `multi_worker`: all workers that `TF_CONFIG` names, with all their accelerators.
            `tpu`: a TPU. `auto`: `multi_worker` where `TF_CONFIG` names several workers, else
            `mirrored` where there are several accelerators or virtual devices, else `one_device`.
        virtual_devices: splits the CPU in this many.
        tpu: name or address of the TPU; empty for the one of this machine.
        worker_timeout: seconds to wait for the other workers.
        run_id: text that must be the same on all workers.

    Returns:
        a `tf.distribute.Strategy`.

    Raises:
        ValueError: an unknown name, settings that exclude one another, no TPU, a bad `TF_CONFIG`.
        WorkerMissing: a worker did not come in time.
    """
    if name not in NAMES:
        raise ValueError(
            f"The strategy is one of {', '.join(NAMES)}. Received: strategy={name!r}."
            + nearest(name, NAMES)
        )
    cluster = rendezvous.read_tf_config() if name in ("auto", "multi_worker") else None
    if name == "auto" and cluster is not None and len(cluster.tasks) > 1:
        name = "multi_worker"
    if virtual_devices > 1 and name not in ("auto", "mirrored"):
        raise ValueError(
            "Virtual devices are replicas of one process. Received: "
            f"virtual_devices={virtual_devices}, strategy={name}. Use --strategy=mirrored."
        )
    if name == "multi_worker":
        return _multi_worker(cluster, worker_timeout, run_id)
    if name == "tpu":
        return _tpu(tpu)
    virtual = replicas.virtual_cpus(virtual_devices)
    if name == "auto":
        several = virtual or len(tf.config.list_logical_devices("GPU")) > 1
        name = "mirrored" if several else "one_device"
    # A strategy over one device would gain nothing.
    return replicas.mirrored(virtual) if name == "mirrored" else tf.distribute.get_strategy()


def _multi_worker(cluster, timeout, run_id):
    if cluster is None:
        raise ValueError(
            "Strategy multi_worker needs a cluster in the environment variable TF_CONFIG. "
            "Received: none. Set it as TensorFlow documents, or use --strategy=mirrored."
        )
    rendezvous.meet(cluster, timeout, run_id)
    with rendezvous.keep_signals():
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except tf.errors.OpError as error:
            if rendezvous.lost_a_worker(error):
                raise
            raise OSError(
                f"The workers found one another, but {cluster.describe(cluster.index)} could not "
                f"start: {error.message}"
            ) from error


def _tpu(name):
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(name or "local")
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as error:
        raise ValueError(
            f"No TPU was found ({' '.join(str(error).split())[:200]}). Received: tpu={name!r}. "
            "Give --tpu=NAME, or use another --strategy."
        ) from error
    return tf.distribute.TPUStrategy(resolver)


def is_chief(strategy):
    """Whether this process is the one that writes files."""
    if not replicas.spans_workers(strategy):
        return True
    resolver = strategy.cluster_resolver
    leads = "chief" if "chief" in resolver.cluster_spec().as_dict() else "worker"
    return (resolver.task_type, resolver.task_id) == (leads, 0)


def feed(strategy, make):
    """Batches for `fit` of which every worker makes only its own rows.

    Args:
        strategy: a `tf.distribute.Strategy`.
        make: function `(worker_index, num_workers)` -> `tf.data.Dataset` of that worker's rows of
            each global batch, of static shapes.

    Returns:
        a dataset for `fit`.
    """
    if not _feeds_several_hosts(strategy):
        return make(0, 1)

    def of_worker(context):
        count = strategy.num_replicas_in_sync // context.num_input_pipelines
        rows = make(context.input_pipeline_id, context.num_input_pipelines)
        if count == 1:
            return rows
        # TensorFlow takes one element for each replica of the worker.
        return rows.map(functools.partial(_split, count)).unbatch().prefetch(count)

    return strategy.distribute_datasets_from_function(of_worker)


def _split(parts, *batch):
    """Each tensor `[B, ...]` of a batch as `[parts, B / parts, ...]`."""
    return tf.nest.map_structure(
        lambda x: tf.reshape(x, [parts, x.shape[0] // parts, *x.shape[1:]]), batch
    )


def feed_all(strategy, dataset):
    """Evaluation data that every worker reads whole: all get the same result, none waits."""
    if not _feeds_several_hosts(strategy):
        return dataset
    return strategy.distribute_datasets_from_function(lambda context: dataset)


def _feeds_several_hosts(strategy):
    return replicas.spans_workers(strategy) or is_tpu(strategy)


def is_tpu(strategy):
    """Whether the replicas are cores of a TPU."""
    return isinstance(strategy, tf.distribute.TPUStrategy)


def gather(strategy, *values):
    """Whole numbers of each replica, told to all; all workers wait here for one another.

    Args:
        strategy: a `tf.distribute.Strategy`.
        *values: int of this process, below 2**63.

    Returns:
        list of lists of int, one a replica.
    """
    if not replicas.spans_workers(strategy):
        return [list(values)]

    @tf.function
    def step(values):
        return tf.distribute.get_replica_context().all_gather(values[None], axis=0)

    gathered = strategy.run(step, args=(tf.constant(values, tf.int64),))
    return strategy.experimental_local_results(gathered)[0].numpy().tolist()


@contextlib.contextmanager
def chief_first(strategy):
    """Lets the other workers in when the chief is through, to read what it leaves in files.

    Raises:
        ChiefStopped: on the other workers, where an exception ended the chief's part. A signal
            that ends the chief shows as a lost worker instead, which they wait for.
    """
    if not is_chief(strategy):
        if any(failed for (failed,) in gather(strategy, 0)):
            raise ChiefStopped(
                "The chief of the cluster stopped, so this worker stops as well. See the chief's "
                "message, mend what it names, and start all workers again."
            )
        yield
        return
    try:
        yield
    except Exception:
        with contextlib.suppress(tf.errors.OpError):  # nobody there to be told
            gather(strategy, 1)
        raise
    gather(strategy, 0)


def check_same_files(strategy, workdir):
    """Makes sure that all workers would go on from the same place.

    Args:
        strategy: a `tf.distribute.Strategy`.
        workdir: `pathlib.Path` of the working directory; what is in it may be missing.

    Raises:
        ValueError: the workers see different checkpoints or results there.
    """
    for attempt in range(LOOKS):  # a shared file system may tell late what was written just now
        if attempt:
            time.sleep(1)
        listing = zlib.crc32("\n".join(_listing(workdir)).encode())
        if len({seen for (seen,) in gather(strategy, listing)}) == 1:
            return
    raise ValueError(
        "All workers must see the same checkpoints. Received: different files in "
        f"{workdir} on different workers. Give a --workdir on a file system that all share."
    )


def _listing(workdir):
    files = [*workdir.glob("checkpoints/*/[!.]*"), *workdir.glob("report.json")]
    for path in sorted(files):
        with contextlib.suppress(OSError):  # listed, but gone
            yield f"{path.relative_to(workdir)} {path.stat().st_size}"

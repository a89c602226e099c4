"""keras-kd-data: one server of a tf.data service that makes training batches.

keras-kd-data --port=5050                               the dispatcher, one a cluster
keras-kd-data --dispatcher=HOST:5050 [--port=0]         a data worker, as many as one likes
keras-kd-train ... --data_service=grpc://HOST:5050      the training

--port        port to listen on; 0 for any free one
--dispatcher  address of the dispatcher; without it this process is the dispatcher
--host        name under which others reach this data worker
"""

import signal
import socket

from absl import flags

from keras_kd.commands import console

PORT = flags.DEFINE_integer("port", 0, "Port to listen on; 0 for any free one.", 0, 65535)
DISPATCHER = flags.DEFINE_string("dispatcher", None, "HOST:PORT; without it, this is the one.")
HOST = flags.DEFINE_string("host", None, "Name under which others reach this data worker.")


def serve():
    """Starts what the flags say, and serves until it is stopped."""
    # TensorFlow waits in native code, where Python's own handler would never run.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    console.set_native_notes_aside()
    server = start(PORT.value, DISPATCHER.value, HOST.value)
    server.join()


def start(port=0, dispatcher=None, host=None):
    """A running server.

    Args:
        port: to listen on; 0 for any free one.
        dispatcher: `HOST:PORT` of the dispatcher; None makes this one.
        host: name under which others reach this data worker; default: this machine's name.

    Returns:
        a `DispatchServer` or `WorkerServer` of `tf.data.experimental.service`.

    Raises:
        ValueError: no such address.
        OSError: the port is taken, or the dispatcher does not answer.
    """
    import tensorflow as tf

    from keras_kd.data.service import knock

    service = tf.data.experimental.service
    try:
        if dispatcher is None:
            server = service.DispatchServer(service.DispatcherConfig(port=port))
            print(f"Dispatcher at port {server.target.rpartition(':')[2]}", flush=True)
            return server
        dispatcher = dispatcher.removeprefix("grpc://")
        knock(f"grpc://{dispatcher}")
        # "%port%" is TensorFlow's word for the port it gets.
        address = f"{host or socket.getfqdn()}:%port%"
        server = service.WorkerServer(
            service.WorkerConfig(
                dispatcher, worker_address=address, port=port, dispatcher_timeout_ms=60_000
            )
        )
    except tf.errors.OpError as error:
        raise OSError(f"The server could not start: {error.message}") from error
    print(f"Data worker of {dispatcher}", flush=True)
    return server


def main():
    """Entry point of the command."""
    console.run("keras-kd-data", __doc__, serve)


if __name__ == "__main__":
    main()

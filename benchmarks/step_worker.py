"""The worker's side of benchmarks/step.py: builds one peer, then times rounds when told to.

Protocol, one JSON object a line on the real standard output: first what was built, then, for each
line `go N` on standard input, the seconds of N steps. While it waits it uses no processor.
"""

import json
import os
import resource
import sys
import time


def serve(build):
    """Builds a peer and serves rounds until standard input ends.

    Args:
        build: function that returns (step, facts): `step()` makes one step and returns once it is
            finished; `facts` is a dict for the results.
    """
    # Frameworks print to standard output; the protocol keeps the real one for itself.
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    start = time.perf_counter()
    step, facts = build()
    step()
    facts["seconds_to_first_step"] = time.perf_counter() - start
    step()  # some choices are made at the second step
    _answer(channel, facts)
    for line in sys.stdin:
        count = int(line.split()[1])
        processor, start = time.process_time(), time.perf_counter()
        for _ in range(count):
            step()
        seconds = time.perf_counter() - start
        _answer(
            channel,
            {
                "seconds": seconds / count,
                "processor_seconds": (time.process_time() - processor) / count,
                # Linux counts in KiB.
                "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            },
        )


def _answer(channel, message):
    channel.write(json.dumps(message) + "\n")
    channel.flush()

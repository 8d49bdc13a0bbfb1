"""The embedded model's process: llama.cpp's own server, on loopback, behind a key.

Run as a script by `tutor.llm.EmbeddedChat`; it imports nothing of `tutor`.
One line of JSON comes in on stdin (so that no key shows in a process list);
one line beginning with `LISTENING` goes out once requests are served, all
other output is llama.cpp's log. It leaves when stdin closes or its parent is
gone, whichever is noticed first.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time

LISTENING = "kube-tutor: listening on port "
CANNOT_LOAD = 3
"""Exit code for a model that llama.cpp can't load: starting again won't help."""
BATCH = 128
"""Prompt tokens between two looks at cancellations and other slots: under two
seconds on two cores, and no slower than llama.cpp's 512."""
MOST_TOKENS = 2048
"""Cap on one reply, should a client ever forget its own."""


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = sys.stdin.buffer.readline()
    if not line:
        return
    config = json.loads(line)
    threading.Thread(target=_leave_when_stdin_closes, daemon=True).start()

    try:
        import xllamacpp

        server = xllamacpp.Server(_params(xllamacpp, config))
    except (ImportError, RuntimeError) as error:
        # In the shape of llama.cpp's own error lines.
        print(f"0 E {error}", flush=True)
        os._exit(CANNOT_LOAD)
    print(LISTENING + server.listening_address.rpartition(":")[2], flush=True)
    while os.getppid() == config["parent"]:
        time.sleep(1)
    os._exit(0)


def _params(xllamacpp, config):
    params = xllamacpp.CommonParams()
    params.model.path = config["model"]
    params.model_alias = {config["name"]}
    params.offline = True
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [config["key"]]
    params.cors_origins = ""
    params.ui = False
    params.n_parallel = config["slots"]
    params.n_ctx = config["context"] * config["slots"]
    params.n_predict = MOST_TOKENS
    # Writing is a lockstep of very short steps: with a thread on every core, one other
    # busy process stalls them all (28 tokens/s fell to between 1 and 6 on two cores;
    # with a core left free it is 19, and 17 beside that process).
    params.cpuparams.n_threads = max(1, config["threads"] - 1)
    params.cpuparams_batch.n_threads = config["threads"]
    # Threads that wait sleep: spinning costs the other slots and processes, and gains nothing.
    params.cpuparams.poll = params.cpuparams_batch.poll = 0
    params.n_batch = params.n_ubatch = BATCH
    # Waiting requests each hold an HTTP thread; more of them queue without being seen.
    params.n_threads_http = 64
    # The weights are repacked for the CPU at load; mapping the file would keep them twice.
    params.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE
    params.cache_ram_mib = config["cache_mib"]
    params.verbosity = 2
    return params


def _leave_when_stdin_closes() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()

"""Speed and memory at scale: `python -m evals bench`.

Every part runs in a process of its own over a folder of its own, so that what
one loaded doesn't speed up or weigh on another. Times vary between machines;
compare figures of one run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tutor.corpus import Item
from tutor.corpus.items import Source

DIMENSION = 384
ANSWERS_PER_ITEM = 10
WORDS = (
    "Pod Service Deployment kubelet scheduler etcd 节点 容器 调度 污点 探针 存储卷 证书 网络 策略 副本 "
    "namespace ingress taint affinity quota limit request rollout webhook operator sidecar"
).split()


class RandomEmbedder:
    """Unit vectors drawn by the text: the bench is about the index and not the model."""

    name = "random (bench)"

    def embed_query(self, text: str) -> np.ndarray:
        drawn = np.random.default_rng(abs(hash(text)) % 2**32).standard_normal(DIMENSION)
        return (drawn / np.linalg.norm(drawn)).astype(np.float32)

    def embed_documents(self, texts: list[str]) -> np.ndarray:
        return np.stack([self.embed_query(text) for text in texts])


def bench(chunks: int) -> dict:
    """Figures of all parts. Seconds, milliseconds and MiB, as named."""
    return {
        f"search over {chunks:,} chunks": _apart("scale", str(chunks)),
        "cold start": _cold(),
    }


def _apart(part: str, *arguments: str) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "evals.bench", part, folder, *arguments],
            capture_output=True, text=True, check=False,
        )
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1:]}
    return json.loads(done.stdout.splitlines()[-1])


def _cold() -> dict[str, float]:
    """Seconds of fresh processes, median of three, on the user's own index."""

    def seconds(*arguments: str, first_line: bool = False) -> float:
        taken = []
        for _ in range(3):
            began = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "-m", "tutor", *arguments],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            )
            if first_line:
                process.stderr.readline()
                taken.append(time.perf_counter() - began)
                process.communicate()
            else:
                process.communicate()
                taken.append(time.perf_counter() - began)
        return round(sorted(taken)[1], 2)

    return {
        "tutor --help, s": seconds("--help"),
        "tutor ask, evidence on screen, s": seconds("ask", "Pod 一直 Pending 怎么办", first_line=True),
    }


def _scale(folder: str, chunks: int) -> dict[str, float]:
    from tutor.index import EmbeddingCache, Index
    from tutor.retrieval import retrieve, shipped_calibration

    draw = np.random.default_rng(1)

    def text(words: int) -> str:
        return " ".join(f"{draw.choice(WORDS)}{draw.integers(400)}" for _ in range(words))

    def item(number: int) -> Item:
        # An answer of several stretches, as ingested documents have them.
        answer = "\n\n".join(text(60) for _ in range(ANSWERS_PER_ITEM))
        return Item(
            id=f"bench-{number}", question={"en": f"{text(6)}?"}, answer={"en": answer},
            source=Source("bench.md", number + 1), kind="document",
        )

    items, embedder = [item(0)], RandomEmbedder()
    home = Path(folder)
    index = Index(home / "index", embedder, EmbeddingCache(home / "cache"))
    index.sync("bench", items)
    per_item = len(index.snapshot())
    items += [item(n) for n in range(1, round(chunks / per_item))]
    began = time.perf_counter()
    index.sync("bench", items)
    built = time.perf_counter() - began
    began = time.perf_counter()
    index.sync("bench", [*items[:-1], item(len(items) + 1)])
    one = time.perf_counter() - began
    began = time.perf_counter()
    index.sync("bench", [*items[:-1], index.snapshot().item(f"bench-{len(items) + 1}")])
    nothing = time.perf_counter() - began
    snapshot = index.snapshot()
    times = []
    for number in range(230):
        question = text(6)
        began = time.perf_counter()
        retrieve(question, snapshot, embedder, shipped_calibration())
        if number >= 30:
            times.append(time.perf_counter() - began)
    p50, p95 = np.percentile(times, [50, 95]) * 1e3
    return {
        "chunks": len(snapshot),
        "build, s": round(built, 1),
        "sync of one changed item, s": round(one, 2),
        "sync of nothing, s": round(nothing, 2),
        "search p50, ms": round(float(p50), 1),
        "search p95, ms": round(float(p95), 1),
        "memory, MiB": _memory(),
    }


def _memory() -> int:
    """Resident memory of this process, MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


if __name__ == "__main__":
    if sys.argv[1] == "scale":
        print(json.dumps(_scale(sys.argv[2], int(sys.argv[3]))))

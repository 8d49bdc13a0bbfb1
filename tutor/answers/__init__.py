"""Question and passages -> events -> `Answer`.

The evidence comes first, then the model's sentences, each checked against the
passages and kept only if they support it. Citations are data, resolved by
lookup; refusal is decided in code before the model is called.
"""

from tutor.answers.stream import SYSTEM, answer_events, broken_off
from tutor.answers.support import Support, spans, support
from tutor.answers.types import Answer, Citation, Done, Event, Evidence, Sentence, Token

__all__ = [
    "SYSTEM",
    "Answer",
    "Citation",
    "Done",
    "Event",
    "Evidence",
    "Sentence",
    "Support",
    "Token",
    "answer_events",
    "broken_off",
    "spans",
    "support",
]

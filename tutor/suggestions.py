"""Questions to ask next."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Sequence

from tutor.chat import Message
from tutor.corpus import Item
from tutor.errors import InputError
from tutor.retrieval import Retrieval, courtesy


def before(
    found: Retrieval, history: Sequence[Message], retrieve: Callable[[str, Sequence[Message]], Retrieval]
) -> Retrieval:
    """What is talked about: what was found, or after a courtesy what the last real message asked for."""
    if found.courtesy is None:
        return found
    asked = [at for at, turn in enumerate(history) if turn.role == "user" and not courtesy(turn.content)]
    if asked:
        # What came before may be anything, an empty turn too.
        with contextlib.suppress(InputError):
            return retrieve(history[asked[-1]].content, history[: asked[-1]])
    return found


def what_next(
    found: Retrieval, about: Retrieval, item: Callable[[str], Item], items: Callable[[], Sequence[Item]]
) -> tuple[str, ...]:
    """Follow-ups of the item that answers; after a courtesy, without one, what most items build on."""
    if about.answerable:
        follow_ups = item(about.passages[0].item_id).follow_ups
        return tuple(text[found.lang] for text in follow_ups if found.lang in text)
    if found.courtesy is None:
        return ()
    known = {item.id: item for item in items()}
    wanted = Counter(i for item in known.values() for i in item.prerequisites if i in known)
    return tuple(known[i].title(found.lang) for i, _ in wanted.most_common(3))

"""Pages that stand by themselves: the login, so that strangers get nothing else, and a wrong address."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from tutor.web.text import NAME
from tutor.web.words.door import WORDS


def page(lang: str, *, name: str = "", failed: bool = False, wait: int = 0) -> str:
    """The whole document; `wait` is how many seconds the next try has to wait."""
    say = lambda key, **values: escape(WORDS.say(lang, key, **values))  # noqa: E731
    message = say("wait", seconds=wait) if wait else say("failed") if failed else ""
    shown = f'<p class="kt-error" role="alert">{message}</p>' if message else ""
    other, label = ("en", "English") if lang == "zh" else ("zh", "中文")
    return _document(lang, say("title"), f"""<form class="kt-panel" method="post" action="/login?lang={lang}">
<h1>{escape(NAME)}</h1>{shown}
<label class="kt-field"><span>{say("name")}</span><input name="name" value="{escape(name[:64], quote=True)}"
autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="64" required{"" if name else " autofocus"}></label>
<label class="kt-field"><span>{say("password")}</span><input name="password" type="password"
autocomplete="current-password" maxlength="256" required{" autofocus" if name else ""}></label>
<div class="kt-row"><button class="kt-button kt-primary">{say("login")}</button>
<a class="kt-end" href="/login?lang={other}" lang="{other}">{label}</a></div></form>
<p class="kt-quiet">{say("help")}</p>""")


def lost(lang: str) -> str:
    """What stands at an address that there isn't: the way home."""
    say = lambda key: escape(WORDS.say(lang, key))  # noqa: E731
    return _document(lang, say("lost"), f"""<div class="kt-panel"><h1>{say("lost")}</h1><p>{say("lost-why")}</p>
<p><a class="kt-button kt-primary" href="/">{say("home")}</a></p></div>""")


def _document(lang: str, title: str, body: str) -> str:
    style = (files("tutor.web") / "page.css").read_text("utf-8")
    return f"""<!doctype html>
<html lang="{'zh-CN' if lang == 'zh' else 'en'}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · {escape(NAME)}</title><style>{style}</style></head>
<body class="kt-door"><main class="kt kt-login">{body}</main></body></html>"""

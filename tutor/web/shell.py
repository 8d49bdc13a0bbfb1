"""The page itself: head, navigation, and a section for each page."""

from __future__ import annotations

from importlib.resources import files

from tutor.questions import MAX_QUESTION
from tutor.web import chat, render
from tutor.web.guard import MAX_UPLOAD
from tutor.web.pages import PAGES
from tutor.web.text import EXAMPLES, NAME, attributes, both
from tutor.web.words.ask import WORDS

_WHEEL = (
    '<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="9"/>'
    '<g fill="none" stroke-width="2" stroke-linecap="round"><circle cx="16" cy="16" r="6.5"/>'
    '<path d="M16 5v22M5 16h22M8.2 8.2l15.6 15.6M23.8 8.2L8.2 23.8"/></g>'
    '<circle cx="16" cy="16" r="2.6" class="kt-hub"/></svg>'
)
_MOON = (
    '<svg viewBox="0 0 20 20" aria-hidden="true">'
    '<circle cx="10" cy="10" r="7"/><path d="M10 3a7 7 0 0 1 0 14z" class="kt-half"/></svg>'
)


def page() -> str:
    """Everything before anything was done."""
    name, _, chinese = NAME.partition(" · ")
    links = "".join(f'<a href="#/{key}" data-nav="{key}">{both(key)}</a>' for key in PAGES)
    sections = "".join(
        f'<section id="kt-{key}" class="kt-view kt-scroll" data-page="{key}" '
        f'{attributes("aria-label", key)} hidden></section>'
        for key in PAGES
        if key != "ask"
    )
    return f"""<div id="kt" class="kt" data-lang="en">
<header class="kt-head"><div class="kt-brand">{_WHEEL}<h1>{name}<span class="kt-dot"> · </span><span>{chinese}</span></h1></div>
<nav class="kt-nav" {attributes("aria-label", "nav")}>{links}</nav>
<div class="kt-tools"><form id="kt-logout" method="post" action="logout" hidden><span id="kt-user" class="kt-user"></span>
<button class="kt-button kt-small">{both("logout")}</button></form>
<button type="button" id="kt-theme" {attributes("aria-label", "theme")} {attributes("title", "theme")}>{_MOON}</button>
<div class="kt-langs" role="group" {attributes("aria-label", "language")}>
<button type="button" data-set-lang="zh" lang="zh-CN">中文</button>
<button type="button" data-set-lang="en" lang="en">English</button></div></div></header>
<div class="kt-views">{_ask()}{sections}</div>
<div id="kt-live" class="kt-hidden" role="status" aria-live="polite"></div>
<div id="kt-toast" class="kt-toast" role="status" aria-live="polite" hidden></div>
<template id="kt-looking">{render.looking()}</template>
<template id="kt-loading"><p class="kt-status kt-page"><span class="kt-pulse"></span>{both("loading")}</p></template>
<template id="kt-gone"><p class="kt-error"><strong>{both("failed")}</strong> {both("gone")}</p></template>
<template id="kt-large"><p class="kt-error"><strong>{both("failed")}</strong> {both("large", most=MAX_UPLOAD // 2**20)}</p></template>
<template id="kt-long"><p class="kt-error"><strong>{both("too_long")}</strong> {both("shorten", most=MAX_QUESTION)}</p></template>
<template id="kt-again">{chat.again()}</template>
<template id="kt-broken"><p class="kt-error"><strong>{both("error")}</strong> {both("broken")}</p></template>
</div>"""


def _ask() -> str:
    examples = "".join(
        f'<div class="kt-{lang}" lang="{lang}">{render.asks(questions)}</div>'
        for lang, questions in EXAMPLES.items()
    )
    return f"""<section id="kt-ask" class="kt-view kt-main" data-page="ask" {attributes("aria-label", "ask")}>
<aside id="kt-chatlist" class="kt-chatlist" {WORDS.attributes("aria-label", "chats")}>
<button type="button" class="kt-button kt-new" id="kt-new">＋ {both("new")}</button>
<form class="kt-field kt-search" data-act="ask.list" data-live><input type="search" name="query" maxlength="200"
{WORDS.attributes("placeholder", "search")} {WORDS.attributes("aria-label", "search")}></form>
<div id="kt-chats" class="kt-chats"></div></aside>
<div id="kt-kept" hidden></div>
<div class="kt-chatbar"><button type="button" class="kt-button kt-small" id="kt-showchats" aria-expanded="false" aria-controls="kt-chatlist">☰ {WORDS.both("chats")}</button>
<button type="button" class="kt-button kt-small kt-new">＋ {both("new")}</button></div>
<section class="kt-chat" {attributes("aria-label", "conversation")}>
<div id="kt-log" class="kt-log"><div id="kt-welcome" class="kt-welcome"><h2>{both("welcome")}</h2>
<p>{both("promise")}</p><p class="kt-label">{both("examples")}</p>{examples}</div></div></section>
<aside class="kt-side" {attributes("aria-label", "evidence")}>
<h2 class="kt-side-head">{both("evidence")}<span id="kt-count"></span></h2>
<div id="kt-evidence" class="kt-evidence"><p id="kt-none" class="kt-quiet">{both("evidence_empty")}</p>
</div></aside>
<div class="kt-bar"><form id="kt-form" class="kt-form" autocomplete="off">
<textarea id="kt-q" rows="1" data-most="{MAX_QUESTION}" data-draft="ask" {attributes("placeholder", "placeholder")}
{attributes("aria-label", "question")}></textarea>
<button type="submit" id="kt-send" {attributes("aria-label", "send")}>
<svg viewBox="0 0 20 20" aria-hidden="true"><path d="M10 16V4M5 9l5-5 5 5"/></svg></button>
<button type="button" id="kt-stop" {attributes("aria-label", "stop")}>
<svg viewBox="0 0 20 20" aria-hidden="true"><rect x="5.5" y="5.5" width="9" height="9" rx="1.5"/></svg>
</button></form><p class="kt-hint">{both("hint")}</p></div></section>"""


def style() -> str:
    """The style sheet: the common one, then each page's own."""
    folder = files("tutor.web")
    parts = [folder / "page.css", *(folder / "pages" / f"{key}.css" for key in PAGES)]
    return "\n".join(part.read_text("utf-8") for part in parts if part.is_file())


def script() -> str:
    """The page's behaviour."""
    return "\n".join((files("tutor.web") / f"{name}.js").read_text("utf-8") for name in ("page", "ask"))

"""What the page says, in Chinese and in English.

Both languages stand in the page, and CSS shows one: switching needs no server.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

NAME = "Kube Tutor · Kubernetes 导师"

EXAMPLES = {
    "zh": (
        "Pod 一直 Pending，应该怎么排查？",
        "NodePort 和 LoadBalancer 有什么区别？",
        "滚动更新时怎样做到不中断服务？",
        "容器被 OOMKilled，退出码 137，是什么原因？",
    ),
    "en": (
        "My Pod is stuck in Pending. How do I investigate?",
        "What is the difference between liveness and readiness probes?",
        "How does a Service find the Pods behind it?",
        "When should I use a StatefulSet instead of a Deployment?",
    ),
}


class Words:
    """Texts in both languages by key: (zh, en), with {fields} that a call fills in."""

    def __init__(self, strings: Mapping[str, tuple[str, str]]) -> None:
        self.strings = strings

    def both(self, key: str, **values: object) -> str:
        """HTML with the text in both languages, of which CSS shows one; all is escaped."""
        zh, en = (escape(text.format(**values) if values else text) for text in self.strings[key])
        return f'<span class="kt-zh" lang="zh-CN">{zh}</span><span class="kt-en" lang="en">{en}</span>'

    def attributes(self, name: str, key: str, **values: object) -> str:
        """HTML attribute `name` in both languages: the page's script chooses."""
        zh, en = (
            escape(text.format(**values) if values else text, quote=True)
            for text in self.strings[key]
        )
        if name.startswith("data-"):
            return f'{name}-zh="{zh}" {name}-en="{en}"'
        return f'{name}="{en}" data-{name}-zh="{zh}" data-{name}-en="{en}"'

    def say(self, lang: str, key: str, **values: object) -> str:
        """The text in one language, not escaped."""
        text = self.strings[key][lang != "zh"]
        return text.format(**values) if values else text


# key: (zh, en)
STRINGS = {
    "nav": ("页面", "Pages"),
    "ask": ("提问", "Ask"),
    "interview": ("面试", "Interview"),
    "review": ("复习", "Review"),
    "progress": ("进度", "Progress"),
    "library": ("资料", "Library"),
    "loading": ("载入中…", "Loading…"),
    "failed": ("没能完成", "That didn't work"),
    "gone": (
        "连接断开了，或者服务器正忙。内容没有丢，请再试一次。",
        "The connection was lost, or the server is busy. Nothing is lost; please try again.",
    ),
    "large": ("文件太大，最多 {most} MB。", "The file is too large: at most {most} MB."),
    "logout": ("退出", "Log out"),
    "theme": ("深色或浅色", "Dark or light"),
    "new": ("新对话", "New chat"),
    "language": ("语言", "Language"),
    "conversation": ("对话", "Conversation"),
    "welcome": ("想弄懂 Kubernetes 的什么？", "What would you like to understand about Kubernetes?"),
    "promise": (
        "先给出依据，再作回答。模型写的每一句都要和原文核对，核对不上的会删掉；没有依据的问题，会直接告诉你。",
        "Evidence first, then the answer. Every sentence the model writes is checked against its "
        "sources and removed if they don't support it. With no source, you are told so.",
    ),
    "examples": ("试着问", "Try asking"),
    "placeholder": ("问一个 Kubernetes 问题…", "Ask a question about Kubernetes…"),
    "question": ("问题", "Question"),
    "send": ("发送", "Send"),
    "stop": ("停止", "Stop"),
    "hint": ("Enter 发送 · Shift + Enter 换行", "Enter to send · Shift + Enter for a new line"),
    "evidence": ("依据", "Evidence"),
    "evidence_empty": (
        "提问后，能支持答案的原文会立刻出现在这里。点答案里的编号，就能看到它引用的那一句。",
        "The passages behind an answer appear here as soon as you ask. "
        "Click a number in the answer to see the sentence it cites.",
    ),
    "evidence_courtesy": ("这句话不用查资料。", "Nothing to look up for this."),
    "evidence_none": ("没有找到相关的原文。", "No passage was found."),
    "evidence_refused": (
        "最接近的内容。它们都不足以回答这个问题，所以没有引用。",
        "The nearest passages. None of them answers the question, so none is cited.",
    ),
    "looking": ("正在查找依据…", "Looking for evidence…"),
    "checking": ("核对中", "checking"),
    "writing": ("模型正在写，逐句核对…", "The model is writing; each sentence is checked…"),
    "in_line": (
        "模型正忙，前面还有 {n} 个问题。依据和参考答案已经可以看了。",
        "The model is busy; questions before yours: {n}. The evidence and reference answer are here already.",
    ),
    "next_in_line": (
        "模型正忙，下一个就是你。依据和参考答案已经可以看了。",
        "The model is busy; you are next. The evidence and reference answer are here already.",
    ),
    "reference": ("参考答案", "Reference answer"),
    "refused": ("没有可靠的依据", "No reliable source"),
    "nearest": ("可以这样问", "You could ask"),
    "follow_ups": ("接着问", "Ask next"),
    "stopped": (
        "已停止，模型没有写完。下面的参考答案是完整的。",
        "Stopped before the model had finished. The reference answer below is whole.",
    ),
    "stopped_early": ("已停止，还没有找到依据。", "Stopped before any evidence was found."),
    "error": ("没能回答", "That didn't work"),
    "crashed": (
        "出了意料之外的问题，详情在服务器的日志里。请再试一次。",
        "Something unexpected went wrong; the server's log has the details. Please try again.",
    ),
    "broken": (
        "连接断开，或者提问的人太多。请稍后再试。",
        "The connection was lost, or too many people are asking. Please try again shortly.",
    ),
    "too_long": ("问题太长", "Too long"),
    "shorten": ("最多 {most} 个字，请删减后再发送。", "At most {most} characters; please shorten it, then send it."),
    "source": ("来源", "Source"),
    "whole": ("在资料库里打开", "Open in the library"),
    "back": ("回到答案", "Back to the answer"),
    "copy": ("复制", "Copy"),
    "copied": ("已复制", "Copied"),
    "dropped": (
        "模型草稿里有 {n} 句没有原文支持，已删除",
        "{n} draft sentences without support in the sources removed",
    ),
    "dropped_one": (
        "模型草稿里有 {n} 句没有原文支持，已删除",
        "{n} draft sentence without support in the sources removed",
    ),
    "drafted": ("模型写的每一句都对照过原文", "Each sentence by the model was compared with the sources"),
    "took": ("{model}，依据 {evidence} 秒，共 {total} 秒", "{model}, evidence in {evidence} s, {total} s in all"),
    "extract": ("原文摘录，没有经过模型", "Extract, no model involved"),
}


_WORDS = Words(STRINGS)
both = _WORDS.both
attributes = _WORDS.attributes

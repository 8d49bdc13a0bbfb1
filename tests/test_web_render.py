"""What stands on the page: safe whatever is said, and highlighted where it is cited."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from importlib import import_module

import pytest

from tutor.answers import Answer, Citation, Done, Evidence, Sentence, Token, broken_off, spans
from tutor.conversations import Conversation, Turn
from tutor.errors import InputError, StorageError
from tutor.retrieval import Passage
from tutor.web import chat, door, render, shell
from tutor.web.pages import PAGES
from tutor.web.text import EXAMPLES, STRINGS
from tutor.web.turns import View, after

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
HOSTILE = [
    "<script>window.__xss=1</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<img src=x onerror=window.__xss=1>",
    '<img src="https://evil.example/pixel.png">',
    "<svg onload=window.__xss=1><circle/></svg>",
    "<svg><script>window.__xss=1</script></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=window.__xss=1>",
    "<details open ontoggle=window.__xss=1>x</details>",
    "<iframe src='javascript:parent.__xss=1'></iframe>",
    "<iframe srcdoc='<script>parent.__xss=1</script>'></iframe>",
    "<object data=data:text/html,<script>window.__xss=1</script>></object>",
    "<a href=javascript:window.__xss=1>click</a>",
    "<style>*{background:url(https://evil.example/a)}</style>",
    "<link rel=stylesheet href=https://evil.example/a.css>",
    "<base href=https://evil.example/>",
    "<form action=https://evil.example><button>go</button></form>",
    "<input autofocus onfocus=window.__xss=1>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "[click](javascript:window.__xss=1)",
    "[click](JaVaScRiPt&colon;window.__xss=1)",
    "[click](java\tscript:window.__xss=1)",
    "[click](data:text/html;base64,PHNjcmlwdD53aW5kb3cuX194c3M9MTwvc2NyaXB0Pg==)",
    "[click](file:///etc/passwd)",
    "[click](//evil.example/x)",
    "[click](http://evil.example/x)",
    "[click](https://good.example@evil.example/x)",
    "[a](https://e.example/\"onmouseover=\"window.__xss=1)",
    "![pixel](https://evil.example/p.png)",
    "![pixel][ref]\n\n[ref]: https://evil.example/p.png",
    "[1]: javascript:window.__xss=1\n\n[1]",
    "<javascript:window.__xss=1>",
    "<!-- --><script>window.__xss=1</script><!-- -->",
    "<!--><img src=x onerror=window.__xss=1>-->",
    "</mark></div><script>window.__xss=1</script>",
    "</textarea></template></style></title><script>window.__xss=1</script>",
    "'\"><img src=x onerror='window.__xss=1'>",
    "\" autofocus onfocus=\"window.__xss=1",
    "`</code><img src=x onerror=window.__xss=1>`",
    "```\n</code></pre><img src=x onerror=window.__xss=1>\n```",
    "```\"><img/src/onerror=window.__xss=1>\nx\n```",
    "| a | b |\n|---|---|\n| <img src=x onerror=window.__xss=1> | </td></table><script>1</script> |",
    "{{constructor.constructor('window.__xss=1')()}}",
    "${window.__xss=1}",
    "{{{value}}} {% raw %} #{7*7} <%= 7*7 %>",
    "&lt;script&gt;window.__xss=1&lt;/script&gt;",
    "&#60;img src=x onerror=window.__xss=1&#62;",
    "\ue0001\ue001<b>\ue002 \ue0031\ue004 \ue003onload\ue004",
    "$$\\href{javascript:window.__xss=1}{x}$$ ```mermaid\ngraph TD; A-->B; click A href \"javascript:1\"\n```",
    "<script\n>window.__xss=1</script\n>",
    "%3Cscript%3Ewindow.__xss=1%3C/script%3E",
    "<img src=x oneonerrorrror=window.__xss=1>",
    "<video><source onerror=window.__xss=1></video>",
    "<body onload=window.__xss=1>",
    "<template><script>window.__xss=1</script></template>",
    "<noscript><p title=\"</noscript><img src=x onerror=window.__xss=1>\">",
    "<svg><use href=\"data:image/svg+xml,<svg id=x><image href=1 onerror=window.__xss=1 /></svg>#x\"></use></svg>",
    "<svg><animate onbegin=window.__xss=1 attributeName=x dur=1s>",
    "<div style=\"background:url(https://evil.example/b);position:fixed;inset:0\">over all</div>",
    "<button autofocus data-act=library.remove data-arg-name=notes.md>press</button>",
    "<a href=#/library class=kt-new data-set-lang=zh data-cite=1>x</a>",
    "<textarea data-draft=ask>stolen</textarea>",
    "<https://e.example/\" onmouseover=window.__xss=1 x=\">",
    "[x](vbscript:window.__xss=1) [x](#/library/x \"onclick=window.__xss=1\")",
    "\u202egnp.exe\u2066 \x00<scr\x00ipt>window.__xss=1</scr\x00ipt>",
]  # fmt: skip

OURS = {"div", "span", "button", "mark", "details", "summary", "p"}
ATTRIBUTES = {
    "href", "rel", "target", "class", "start", "lang", "type", "data-cite", "data-cites", "tabindex",
    "aria-label", "open", "title", "data-title-zh", "data-title-en",
}  # fmt: skip
VOID = {"br", "hr", "input"}


FORM = {"form", "label", "input", "article", "template", "ul", "li", "h3", "svg", "path"}
FORM_ATTRIBUTES = re.compile(
    r"data-(act|arg-\w+|confirm-\w+|copy|chat|turn|state|count|aria-label-\w+|title-\w+|placeholder-\w+)"
    r"|id|name|value|maxlength|required|title|placeholder|aria-\w+|viewbox|d|transform"
)


class Checker(HTMLParser):
    """Fails on anything that isn't known to be harmless; keeps the text and the marks."""

    def __init__(self, *, forms: bool = False) -> None:
        super().__init__(convert_charrefs=True)
        self.forms = forms
        self.open: list[str] = []
        self.text = ""
        self.marked: dict[str, str] = {}
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in render._TAGS | OURS | (FORM if self.forms else set()), tag
        found = dict(attrs)
        assert all(
            name in ATTRIBUTES or (self.forms and FORM_ATTRIBUTES.fullmatch(name)) for name in found
        ), found
        if tag == "a" and str(found.get("href", "")).startswith("#/"):
            assert re.fullmatch(r"#/(ask/chat-[0-9a-f]+|library/[\w.~%-]+)", str(found["href"]))
        elif tag == "a" and "href" in found:
            assert str(found["href"]).startswith("https://"), found
            assert "noopener" in str(found["rel"])
            assert found["target"] == "_blank"
            self.links.append(str(found["href"]))
        if "class" in found:
            assert re.fullmatch(r"(kt-[\w-]+ ?)+|language-[\w+#.-]+", str(found["class"])), found
        if tag == "mark":
            self._cites = str(found["data-cites"]).split()
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1:] == [tag], (tag, self.open)
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data
        if "mark" in self.open:
            for n in self._cites:
                self.marked[n] = self.marked.get(n, "") + data

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    handle_decl = handle_pi = unknown_decl = handle_comment


def check(html: str, *, forms: bool = False) -> Checker:
    checker = Checker(forms=forms)
    checker.feed(html)
    checker.close()
    assert not checker.open
    assert not re.search("[\ue000-\ue00f\u202a-\u202e]", html)
    return checker


def passage(text: str, **changes: object) -> Passage:
    fields: dict = {"title": "标题", "item_id": "a", "source": "a.md", "score": 1.0, "lang": "zh"}
    return Passage(text=text, **{**fields, **changes})


def finished(text: str, **changes: object) -> Answer:
    fields: dict = {
        "question": "q", "citations": (), "passages": (), "status": "grounded", "confidence": 0.9,
        "lang": "zh", "timings": {"evidence": 0.1, "total": 2.0},
    }  # fmt: skip
    return Answer(text=text, **{**fields, **changes})


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_becomes_no_active_content_anywhere(text: str) -> None:
    cite = Citation("[1]", "a", text, text, text)
    evil = passage(text, title=text, source=text, topic=text)
    refusal = finished(text, status="refused", suggestions=(text, text))
    for html in (
        render.plain(text),
        render.markdown(text),
        render.markdown(text, markers=[1], quotes=[(1, text)]),
        render.markdown("kubelet " + text, quotes=[(1, text), (2, "kubelet " + text[:9])]),
        render.markdown("unrelated", quotes=[(1, text)]),
        render.evidence([evil], [cite]),
        render.evidence([evil], answerable=False),
        render.draft([text + " [1]"], text),
        render.preview(evil),
        render.answer(broken_off(text, [evil], [text + " [1]"]), footer=False),
        render.answer(finished(text, citations=(cite,), notices=(text,), model=text,
                               suggestions=(text,), dropped=((text, text),))),
        render.answer(refusal),
        render.asks([text]),
        render.error(InputError(text, fix=text)),
        render.error(StorageError(f"{text!r} can't be kept: {text}")),
        render.problem(text),
    ):  # fmt: skip
        check(html)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_in_conversations(text: str) -> None:
    cite = Citation("[1]", "a", text, text, text)
    answered = finished(text, citations=(cite,), passages=(passage(text, title=text),), suggestions=(text,))
    kept = Conversation("chat-0123456789abcdef", text, (
        Turn(0, text, NOW, "grounded", answered, rating="down", reason=text),
        Turn(2, text, NOW, "stopped", kept=(text,), passages=(passage(text),)),
        Turn(3, text, NOW, "error"),
    ), NOW)  # fmt: skip
    check(chat.turns(kept), forms=True)
    check(chat.listed([kept], NOW), forms=True)
    assert "<script>" not in door.page("zh", name=text, failed=True)
    assert "onerror=" not in re.sub(r'value="[^"]*"', "", door.page("en", name=text))


def test_conversations_are_listed_by_age() -> None:
    ages = [0, 0, 3, 20, 300]
    html = chat.listed(
        [Conversation(f"chat-{n:016x}", f"t{n}", (), NOW - timedelta(days=days))
         for n, days in enumerate(ages)], NOW,
    )  # fmt: skip
    check(html, forms=True)
    headings = re.findall(r"<h3>.*?lang=\"en\">([^<]+)<", html)
    assert headings == ["Today", "Past 7 days", "Past 30 days", "Earlier"]


def test_links_go_to_https_only_and_others_stay_text() -> None:
    html = render.markdown("[docs](https://kubernetes.io/docs/) [x](http://a.example) <file:///a>")
    seen = check(html)
    assert seen.links == ["https://kubernetes.io/docs/"]
    assert "[x](http://a.example)" in seen.text
    assert "<file:///a>" in seen.text


def test_code_and_tables_are_rendered() -> None:
    html = render.markdown("```yaml\na: 1\n```\n\n| x | y |\n|---|---|\n| 1 | `2` |\n\n3. three")
    check(html)
    assert '<code class="language-yaml">a: 1' in html
    assert "<td><code>2</code></td>" in html
    assert '<ol start="3">' in html


def test_markers_become_chips_outside_code_only() -> None:
    html = render.markdown("好的 [1] [2]，`a[1]` 和 items[1] [7]。\n\n```\nx [1]\n```", markers=[1, 2])
    assert re.findall(r'data-cite="(\d+)"', html) == ["1", "2"]
    assert "[7]" in html
    assert "<code>a[1]</code>" in html
    assert "items[1]" in html
    assert "x [1]" in html
    check(html)


def test_chips_of_a_draft_cannot_be_clicked() -> None:
    assert "<button" not in render.draft(["kept. [1]"], "loose")


MARKUP = """`Pending` 表示 Pod **已被集群接受**，但还没有运行。

一直 `Pending` 时，先用 `kubectl describe pod` 看事件：

```bash
kubectl get pod web -o wide   # NODE empty?
kubectl describe node | grep -A8 "Allocated"
```

- 资源不足：剩余量 < `requests`（`cpu` & `memory`）。
- **约束**无法满足：`nodeSelector`。
1. first step
2. second step, see [docs](https://kubernetes.io/).

| Kind | Default |
|---|---|
| NodePort | 30000-32767 |

End: a < b && c > d, "quoted" $HOME {{ .Values }} \\* star."""


@pytest.mark.parametrize(("start", "end"), spans(MARKUP))
def test_any_span_that_answers_quote_is_highlighted(start: int, end: int) -> None:
    quote = MARKUP[start:end]
    html = render.markdown(MARKUP, quotes=[(1, quote)])
    seen = check(html)
    if re.fullmatch(r"[\d\W]*", quote):
        return
    assert "kt-quote" not in html, quote
    letters = render._letters(seen.marked["1"])
    raw = render._letters(re.sub(r"^\d+\. |\]\(https.*?\)|^```bash", "", quote, flags=re.M))
    assert letters == raw
    assert render._letters(seen.text.replace("复制", "").replace("Copy", "")) == render._letters(
        check(render.markdown(MARKUP)).text.replace("复制", "").replace("Copy", "")
    )


def test_the_right_one_of_two_equal_places_is_highlighted() -> None:
    html = render.markdown("Pod 重启。中间。\n\nPod 重启。", quotes=[(1, "Pod 重启。")])
    assert html.index("<mark") < html.index("中间")


def test_overlapping_quotes_keep_both_numbers() -> None:
    seen = check(render.markdown("a b c d", quotes=[(1, "a b c"), (2, "b c d")]))
    assert seen.marked == {"1": "a b c", "2": "b c d"}


def test_the_closing_mark_belongs_to_the_quote() -> None:
    seen = check(render.markdown("先看事件。再看 `NODE`。", quotes=[(1, "先看事件。")]))
    assert seen.marked["1"] == "先看事件。"


def test_a_quote_that_is_not_in_the_passage_is_shown_before_it() -> None:
    html = render.markdown("something else", quotes=[(3, "<b>gone</b>")])
    assert check(html).marked == {"3": "<b>gone</b>"}
    assert html.startswith("<blockquote")


def test_a_courtesy_is_no_refusal() -> None:
    thanks = finished("不客气！\n\n可以这样问：\n- 甲", status="refused", suggestions=("甲",), courtesy=True)
    html = render.answer(thanks)
    assert "不客气！" in html and html.count("甲") == 1
    assert "kt-refusal" not in html and STRINGS["refused"][0] not in html
    assert STRINGS["evidence_courtesy"][0] in chat.evidence(thanks)


def test_a_refusal_names_its_topics_once_and_as_buttons() -> None:
    html = render.answer(
        finished("没有依据。\n\n最接近的主题：\n- 甲\n- 乙", status="refused", suggestions=("甲", "乙"))
    )
    assert html.count("甲") == 1
    assert '<button type="button" class="kt-ask">甲</button>' in html


def test_an_answer_without_a_model_says_so_and_notices_are_shown() -> None:
    html = render.answer(finished("文", notices=("模型还没准备好",), dropped=(("x", "y"),)))
    assert "模型还没准备好" in html
    assert STRINGS["extract"][0] in html
    assert "1 句" in html


def test_the_model_and_the_seconds_are_told_only_to_who_points_at_them() -> None:
    html = render.answer(finished("文", model="qwen<b>-q4_k_m", dropped=(("x", "y"), ("z", "y"))))
    foot = html[html.index('<p class="kt-foot"') :]
    shown = unescape(re.sub("<[^>]+>", " ", foot))
    assert STRINGS["drafted"][0] in shown and "2 句" in shown and STRINGS["extract"][0] not in shown
    assert "qwen" not in shown and "0.10" not in shown
    assert "qwen&lt;b&gt;-q4_k_m" in foot and "0.10" in foot
    check(html)


def test_no_passage_says_so() -> None:
    assert STRINGS["evidence_none"][0] in render.evidence([])


def test_the_page_holds_every_example_in_both_languages() -> None:
    html = shell.page()
    for questions in EXAMPLES.values():
        assert len(questions) == 4
        assert all(render.plain(question) in html for question in questions)
    assert "<script" not in html
    assert not re.search(r"\son\w+=", html)
    assert all(f'data-page="{page}"' in html for page in PAGES)


def test_every_string_has_both_languages_with_the_same_fields() -> None:
    words = {
        (page, *item) for page in (*PAGES, "door")
        for item in import_module(f"tutor.web.words.{page}").WORDS.strings.items()
    }
    for page, key, (zh, en) in {("text", *item) for item in STRINGS.items()} | words:
        assert all((zh, en)), (page, key)
        assert set(re.findall(r"\{\w+\}", zh)) == set(re.findall(r"\{\w+\}", en)), (page, key)


def test_a_view_follows_the_events() -> None:
    view = View(7)
    view.take([Evidence((passage("正文"),), 0.9, True)])
    frame = view.frame()
    assert frame["turn"] == 7
    assert frame["count"] == 1
    assert frame["state"] == "asking"
    assert "正文" in str(frame["evidence"])
    assert "正文" in str(frame["body"])
    view.take([Token("第一句。第二"), Sentence("第一句。 [1]", True)])
    model = str(view.frame()["model"])
    assert "kt-kept" in model
    assert re.search(r'kt-draft">第二<', model)
    view.take([Token("句。"), Sentence("第二句。", False, "no")])
    assert "第二" not in str(view.frame()["model"])
    view.take([Done(finished("完 [1]", citations=(Citation("[1]", "a", "t", "s", "正文"),),
                             passages=(passage("正文"),)))])  # fmt: skip
    frame = view.frame()
    assert frame["state"] == "grounded"
    assert frame["model"] == ""
    assert "<mark" in str(frame["evidence"])
    assert 'data-cite="1"' in str(frame["body"])


def test_a_stopped_view_keeps_what_was_checked() -> None:
    view = View(1)
    view.take([Evidence((passage("正文"),), 0.9, True), Token("甲。乙"), Sentence("甲。 [1]", True)])
    view.place("chat-0123456789abcdef", 4)
    view.stop("问")
    frame = view.frame()
    assert "参考答案是完整的" in check(str(frame["model"])).text
    text = check(str(frame["body"])).text
    assert text.index("甲。") < text.index("正文") and "乙" not in text
    assert 'data-cite="1"' in str(frame["body"]) and "kt-preview" not in str(frame["body"])
    assert "<mark" in str(frame["evidence"]) and frame["count"] == 1
    for part in ("data-copy", "kt-thumb", "kt-again"):
        assert part in str(frame["bar"])
    assert (view.kept, view.outcome) == (["甲。 [1]"], "stopped")


def test_a_view_stopped_before_its_evidence_says_so_and_offers_to_ask_again() -> None:
    view = View(1)
    view.stop("问")
    frame = view.frame()
    assert "还没有找到依据" in check(str(frame["model"])).text
    assert frame["body"] == "" and "kt-again" in str(frame["bar"]) and "kt-thumb" not in str(frame["bar"])


def test_a_stopped_turn_looks_the_same_when_it_is_opened_again() -> None:
    turn = Turn(2, "问", NOW, "stopped", kept=("正文。 [1]",), passages=(passage("正文。后文"),), rating="up")
    html = chat.turns(Conversation("chat-0123456789abcdef", "问", (turn,), NOW))
    assert 'data-cite="1"' in html and "kt-again" in html and "kt-preview" not in html
    assert 'aria-pressed="true"' in html and "kt-foot" not in html


@pytest.mark.parametrize(("dropped", "said"), [(1, "1 draft sentence without"), (2, "2 draft sentences without")])
def test_what_was_removed_is_counted(dropped: int, said: str) -> None:
    html = render.answer(finished("文", dropped=(("x", "y"),) * dropped))
    assert said in check(html).text


@pytest.mark.parametrize(
    ("pending", "sentence", "left"),
    [
        ("A b. C", "A b. [2]", " C"),
        ("  A b.\n", "A b.", "\n"),
        ("A [3] b. C", "A b.", ""),
        ("C", "", ""),
    ],
)
def test_a_judged_sentence_leaves_the_draft(pending: str, sentence: str, left: str) -> None:
    assert after(pending, sentence) == left

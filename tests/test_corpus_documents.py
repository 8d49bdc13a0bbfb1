"""Pages of documentation, rule by rule; and a sample of the real ones, where they are."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tutor.corpus.documents import parse_document
from tutor.corpus.notes import is_qa_notes
from tutor.corpus.notes.text import cjk_count

PAGES = Path(__file__).resolve().parents[2] / "shared" / "data" / "k8s-docs"
SAMPLE = 60


def read(text: str) -> list[tuple[str, str]]:
    return [(item.title("en"), next(iter(item.answer.values()))) for item in parse_document(text, "p.md").items]


def answer(body: str) -> str:
    """The only answer of a page with this body."""
    ((_, text),) = read(f"---\ntitle: T\n---\n{body}\n")
    return text


def test_a_section_is_an_item_named_by_its_path():
    text = "---\ntitle: Queues\n---\nIntro.\n\n## Kinds\n\nTwo.\n\n### Fair\n\nEqual shares.\n\n## Limits\n\nNone.\n"
    assert read(text) == [
        ("Queues", "Intro."),
        ("Queues › Kinds", "Two."),
        ("Queues › Kinds › Fair", "Equal shares."),
        ("Queues › Limits", "None."),
    ]


def test_without_front_matter_the_first_heading_leads():
    assert read("# Queues\n\nIntro.\n\n## Kinds\n\nTwo.\n") == [("Queues", "Intro."), ("Queues › Kinds", "Two.")]


def test_a_page_that_repeats_its_title_names_it_once():
    assert read("---\ntitle: Queues\n---\n# Queues\n\nIntro.\n\n## Kinds\n\nTwo.\n")[1][0] == "Queues › Kinds"


def test_front_matter_gives_the_title_only():
    text = '---\n# reviewers:\n# - someone\ntitle: "A: b"\nweight: 3\n---\n\nBody.\n'
    assert read(text) == [("A: b", "Body.")]
    assert parse_document(text, "p.md").items[0].source.line == 1


@pytest.mark.parametrize(
    "matter", ["title: Queues\ndate: 2019-99-99", "title: Queues\n\tx: 1", "title: 'Queues'\na: [", "title: Queues"]
)
def test_the_title_survives_front_matter_that_is_not_yaml(matter):
    assert read(f"---\n{matter}\n---\nBody.\n") == [("Queues", "Body.")]


def test_an_item_says_where_it_was_read_and_in_which_language():
    first, second = parse_document("---\ntitle: 队列\n---\n概述在此。\n\n## FIFO\n\n先进先出。\n", "zh/q.md").items
    assert (second.kind, second.source.path, second.source.line) == ("document", "zh/q.md", 6)
    assert (dict(second.question), dict(second.answer)) == ({"zh": "队列 › FIFO"}, {"zh": "先进先出。"})
    assert first.id.startswith("doc-") and first.id != second.id


def test_ids_depend_on_path_and_headings_only():
    def ids(text: str, path: str) -> list[str]:
        return [item.id for item in parse_document(text, path).items]

    assert ids("# A\n\nx\n", "p") == ids("# A {#a}\n\ny\n", "p") != ids("# A\n\nx\n", "q")
    twice = ids("# A\n\n## B\n\nx\n\n## B\n\ny\n", "p")
    assert len(set(twice)) == 2


def test_comments_are_dropped_with_what_they_hold():
    text = "---\ntitle: 卷\n---\n<!--\n## Volume\n\n```yaml\n# --\n```\nEnglish {{< note >}}\n-->\n## 卷\n\n<!-- body -->中文。\n"
    assert read(text) == [("卷", "中文。")]


def test_empty_sections_are_skipped():
    assert read("# A\n\n## B\n\n## C\n\n<!-- x -->\n\n{{< version-check >}}\n\n## D\n\nd\n") == [("A › D", "d")]


@pytest.mark.parametrize("name", ['{{% heading "whatsnext" %}}', "What's next", "接下来 {#next}"])
def test_link_lists_at_the_end_are_dropped_with_what_is_under_them(name):
    assert read(f"# A\n\na\n\n## {name}\n\n* [B](/b)\n* read C\n\n### Deeper\n\nd\n\n## E\n\ne\n") == [
        ("A", "a"),
        ("A › E", "e"),
    ]


def test_named_headings_are_written_out_in_the_language_of_the_page():
    assert read('# A\n\n## {{% heading "prerequisites" %}}\n\nA cluster.\n') == [("A › Before you begin", "A cluster.")]
    assert read('# 甲\n\n## {{% heading "prerequisites" %}}\n\n一个集群。\n') == [("甲 › 准备开始", "一个集群。")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{{< note >}}\nMind it.\n{{< /note >}}", "Mind it."),
        ("{{<note>}}Mind it.{{</note>}}", "Mind it."),
        ('A {{< glossary_tooltip text="box" term_id="container" >}} runs.', "A box runs."),
        ('A {{<glossary_tooltip term_id="replica-set">}} runs.', "A replica set runs."),
        ('A {{< glossary_tooltip\nterm_id="node" text="nodes" >}} runs.', "A nodes\n runs."),
        ('{{< feature-state for_k8s_version="v1.29" state="stable" >}}', "[feature state: stable since v1.29]"),
        ('{{< feature-state state="beta" >}}', "[feature state: beta]"),
        ('{{< feature-state feature_gate_name="Foo" >}}', "[feature gate: Foo]"),
        ('See:\n{{% code_sample file="pods/a.yaml" %}}', "See:\n[pods/a.yaml]"),
        ('{{< figure src="/a.svg" alt="Two boxes" class="x" >}}', "Two boxes"),
        ('x {{< ref "/a.md" >}}y', "x y"),
        ('v{{< skew currentVersionAddMinor -1 >}} {{< param "version" >}}', "v[current version -1] [current version]"),
        ('{{< tabs name="t" >}}\n{{% tab name="Linux" %}}\nrun\n{{% /tab %}}\n{{< /tabs >}}', "**Linux**\nrun"),
        ("a\n{{< comment >}}\nhidden\n{{< /comment >}}\nb", "a\n\nb"),
        ("a\n{{< mermaid >}}\ngraph TB\n{{< /mermaid >}}\nb", "a\n\nb"),
        ("{{< highlight yaml >}}\nkind: Pod\n{{< /highlight >}}", "```yaml\nkind: Pod\n```"),
        (
            'Watch {{< highlight promql "hl_inline=true" >}}rate(x{a="b"}[5m]){{< /highlight >}} grow.',
            'Watch `rate(x{a="b"}[5m])` grow.',
        ),
        ('a\n{{< glossary_definition term_id="pod" prepend="A Pod is" >}}', "a"),
        ("Write {{</* note */>}}.", "Write {{ note }}."),
        ("x {{< broken { >}} y", "x {{ broken { >}} y"),
    ],
)
def test_shortcodes_become_what_they_stand_for(body, expected):
    assert answer(body) == expected


def test_shortcodes_keep_the_line_numbers():
    text = '# A\n\n{{< figure\n  src="/x.svg"\n>}}\n\n## B\n\nb\n'
    assert parse_document(text, "p").items[-1].source.line == 7


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("See [the guide](/docs/guide/#x) now.", "See the guide now."),
        ("See [the\nguide](/a_(b)) now.", "See the\nguide now."),
        ("See [`kubectl get`](/a).", "See `kubectl get`."),
        ("See [the guide][g] and [g].\n\n[g]: https://e.org/g", "See the guide and [g]."),
        ("Index a[0][1] stays.", "Index a[0][1] stays."),
        ("![Two boxes](/a.svg) here", "[Two boxes] here"),
        ("See <https://e.org/x>.", "See https://e.org/x."),
        ("<b>Bold</b>, H<sub>2</sub>O, &lt;x&gt;&mdash;y", "Bold, H2O, <x>—y"),
        ("Use <pod-name> here.", "Use <pod-name> here."),
        ("Use `<b>[x](y)</b>` here.", "Use `<b>[x](y)</b>` here."),
        ("<table>\n<tr><td>a</td><td>b</td></tr>\n</table>", "a | b |"),
    ],
)
def test_links_images_and_html_become_text(body, expected):
    assert answer(body) == expected


def test_heading_anchors_and_marks_are_removed():
    assert read("# A\n\n## The `kind` **field** {#kind-field}\n\nb\n")[0][0] == "A › The kind field"


def test_code_is_kept_as_it_is():
    code = "```shell\n# not a heading\n\n\n\necho '[a](b) <b> <!-- c -->'\n```"
    assert answer(f"Run:\n\n{code}\n\nDone.") == f"Run:\n\n{code}\n\nDone."


def test_an_unclosed_fence_is_reported():
    assert [p.line for p in parse_document("# A\n\n```\nx\n", "p").problems] == [3]


def test_no_input_raises_and_time_is_linear():
    pieces = ["---\n", "title: ", "# ", "{{< ", " >}}", "{{% ", " %}}", "note", "[", "](", ")", "`", "```\n", "<!--", "-->", "\n", "<td>", "{#", "}", "a", "中", '"', "\ud800"]  # fmt: skip
    rng = random.Random(3)
    for _ in range(300):
        parse_document("".join(rng.choice(pieces) for _ in range(rng.randrange(80))), "r.md")
    for unit in ("[", "](", "{{<", "`", "<a ", "{#", "a(", "[a](", "---\n", "<!--", "[a][", "\n "):
        start = time.perf_counter()
        parse_document(unit * (60_000 // len(unit)), "r.md")
        assert time.perf_counter() - start < 2.0, unit


@pytest.mark.skipif(not PAGES.exists(), reason="the pages are not on this machine")
def test_real_pages():
    pages = sorted(PAGES.rglob("*.md"))
    sample = random.Random(1).sample(pages, min(SAMPLE, len(pages)))
    for page in sample:
        text = page.read_text("utf-8")
        assert not is_qa_notes(text), page
        chinese = latin = 0
        for item in parse_document(text, str(page)).items:
            body = next(iter(item.answer.values()))
            assert not any(mark in body + item.title("en") for mark in ("{{<", "{{%", "<!--")), page
            chinese += cjk_count(body) if "zh" in item.answer else 0
            latin += cjk_count(body) if "en" in item.answer else 0
            assert ("zh-cn" in page.parts) == ("zh" in item.answer), page
        assert latin == 0 or latin < 50, page
        assert "zh-cn" not in page.parts or chinese or not parse_document(text, "p").items, page

"""Raw notes of every style we know, each as its own few lines; and the seed files, where they are."""

from __future__ import annotations

import difflib
import json
import random
import time
from pathlib import Path

import pytest

from tutor.corpus.items import Item
from tutor.corpus.notes import decode, is_qa_notes, parse_notes
from tutor.corpus.notes.text import bigrams, normalise

SEEDS = Path(__file__).resolve().parents[2] / "shared" / "seeds"


def read(text: str) -> list[tuple[str, str]]:
    """(question, answer) of each item; an item has one language for each."""
    return [(item.title("zh"), next(iter(item.answer.values()), "")) for item in parse_notes(text, "a.md").items]


def questions(text: str) -> list[str]:
    return [question for question, _ in read(text)]


# --- the marks of questions ------------------------------------------------


def test_headings_of_one_level_are_questions_even_if_they_only_name_a_topic():
    text = "# 什么是命名空间？\n\n隔离用的。\n\n# 节点的下线过程\n\n先驱逐，再关机。\n"
    assert read(text) == [("什么是命名空间？", "隔离用的。"), ("节点的下线过程", "先驱逐，再关机。")]


def test_a_heading_over_question_headings_is_a_section():
    text = "# 面试\n\n## 网络\n\n### 什么是 CNI\n\n一组接口。\n\n### Ingress\n\n七层入口。\n"
    assert read(text) == [("什么是 CNI", "一组接口。"), ("Ingress", "七层入口。")]


def test_headings_without_a_space_and_with_closing_marks():
    assert read("##什么是租约？##\n\n心跳。\n") == [("什么是租约？", "心跳。")]


@pytest.mark.parametrize("mark", ["1、", "1.", "1. ", "1) ", "（1）", "Q1：", "问题1：", "- 1.", "- ", "**1、", "一、"])
def test_marks_are_not_part_of_the_question(mark):
    close = "**" if mark.startswith("**") else ""
    second = mark.replace("1", "2").replace("一", "二")
    text = f"{mark}什么是污点？{close}\n节点上的排斥标记。\n\n{second}怎么删除污点？{close}\n命令末尾加减号。\n"
    assert read(text) == [("什么是污点？", "节点上的排斥标记。"), ("怎么删除污点？", "命令末尾加减号。")]


def test_a_number_inside_an_answer_is_not_the_next_question():
    text = (
        "1、镜像拉不下来怎么排查？\n\n1、看事件\n\n2、看密钥\n\n3、看网络\n\n"
        "2、sidecar 模式\n\n边车容器。\n\n3、如何限制内存？\n\n写 limits。\n"
    )
    assert read(text) == [
        ("镜像拉不下来怎么排查？", "1、看事件\n\n2、看密钥\n\n3、看网络"),
        ("sidecar 模式", "边车容器。"),
        ("如何限制内存？", "写 limits。"),
    ]


def test_a_number_that_lost_its_mark_still_continues_the_count():
    text = "1、什么是快照？\n\n备份。\n\n2、如何恢复？\n\n换目录。\n\n3 Raft 的选举过程\n\n4.1 超时\n\n先等。\n"
    assert read(text)[2] == ("Raft 的选举过程", "4.1 超时\n\n先等。")


def test_bold_questions():
    text = "**什么是 Job？**\n\n跑完就停。\n\n**CronJob 和 Job 有什么区别？**\n\n**定时**触发。\n"
    assert read(text) == [("什么是 Job？", "跑完就停。"), ("CronJob 和 Job 有什么区别？", "**定时**触发。")]


def test_questions_without_any_mark():
    text = "为什么 Pod 会被驱逐？\n节点内存不足。\n\n什么情况下会 OOM？\n超过 limit。\n"
    assert read(text) == [("为什么 Pod 会被驱逐？", "节点内存不足。"), ("什么情况下会 OOM？", "超过 limit。")]


def test_an_unmarked_question_between_bullets():
    text = "- 什么是 PVC？\n存储申请。\n\n扩容 PVC 要满足哪些条件？\n类允许扩容。\n\n- 什么是 PV？\n存储本身。\n"
    assert questions(text) == ["什么是 PVC？", "扩容 PVC 要满足哪些条件？", "什么是 PV？"]


def test_details_blocks():
    text = "<details>\n<summary>What is a DaemonSet?</summary><br><b>\nOne Pod per node.\n</b></details>\n\nstray\n"
    assert read(text)[0][0] == "What is a DaemonSet?"
    assert read(text)[0][1].startswith("One Pod per node.")


def test_a_long_summary_asks_in_its_first_paragraph():
    text = "<summary>List the Pods</summary>\n\nget\n</details>\n\n<details>\n<summary>Fix this manifest\n\n```yaml\nkind: Pid\n```\n</summary><br>\n\nPod.\n"
    assert read(text) == [("List the Pods", "get"), ("Fix this manifest", "```yaml\nkind: Pid\n```\n\nPod.")]
    assert is_qa_notes(text)


def test_several_questions_in_one_line_are_one_item():
    assert len(read("- 什么是 HPA？它看哪些指标？\n- 什么是 VPA？能否与 HPA 同用？\n")) == 2


def test_an_unanswered_entry_of_topics_is_one_item_per_topic():
    text = "- 怎么备份 etcd\n- 什么是租约\n- 调度器的打分，端口冲突，镜像加速，证书轮换\n"
    assert questions(text)[2:] == ["调度器的打分", "端口冲突", "镜像加速", "证书轮换"]


def test_tables_of_questions_and_answers():
    assert read("| 问题 | 答案 |\n|---|---|\n| 什么是A | 甲 |\n| 什么是B | 乙 |\n") == [
        ("什么是A", "甲"),
        ("什么是B", "乙"),
    ]


def test_chapters_in_chinese_numbers_restart_the_count():
    text = "一、基础\n1、什么是A？\n甲\n2、B 的原理\n乙\n二、网络\n1、C 的作用\n丙\n2、什么是D？\n丁\n"
    assert read(text) == [("什么是A？", "甲"), ("B 的原理", "乙"), ("C 的作用", "丙"), ("什么是D？", "丁")]


def test_chinese_numbers_inside_an_answer_are_no_chapters():
    text = "1）创建流程\n一、提交\n二、调度\n\n2）怎么更新\n换镜像\n\n3）什么是A\n甲\n"
    assert read(text)[0] == ("创建流程", "一、提交\n二、调度")


def test_questions_that_answer_a_question_are_its_answer():
    assert read("先看什么？\n\n- 是否 OOM？\n- 是否换过镜像？\n") == [("先看什么？", "- 是否 OOM？\n- 是否换过镜像？")]


def test_emoji_before_a_question_are_no_part_of_it():
    assert read("## 🔹 什么是A？\n\n甲\n\n## ❓ **什么是B？**\n\n乙\n") == [("什么是A？", "甲"), ("什么是B？", "乙")]


def test_numbered_headings_right_after_a_question_are_its_answer():
    text = "### 为什么用 k8s？\n\n三点。\n\n### 1. 弹性\n\n伸缩。\n\n### 2. 自愈\n\n重启。\n"
    assert read(text) == [("为什么用 k8s？", "三点。\n\n### 1. 弹性\n\n伸缩。\n\n### 2. 自愈\n\n重启。")]


# --- answers ---------------------------------------------------------------


@pytest.mark.parametrize("mark", ["答：", "答:", "  答：", "答案：", "**答：**", "A：", "答"])
def test_the_mark_of_an_answer_is_removed(mark):
    assert read(f"1、怎么回滚？\n{mark}可以用 undo。\n2、怎么暂停？\n{mark}可以用 pause。\n") == [
        ("怎么回滚？", "可以用 undo。"),
        ("怎么暂停？", "可以用 pause。"),
    ]


def test_a_word_that_begins_like_the_mark_stays():
    assert read("## 怎么回滚？\n\n答复用户之后再回滚。\n")[0][1] == "答复用户之后再回滚。"


def test_question_and_answer_on_one_line():
    assert read("1、什么是 CRD？答：自定义资源。\n2、什么是 Operator？答：控制器加 CRD。\n") == [
        ("什么是 CRD？", "自定义资源。"),
        ("什么是 Operator？", "控制器加 CRD。"),
    ]


def test_a_remark_after_the_question_is_not_its_answer():
    text = "- 流量是怎么转发的？注意流量也可能来自集群外面。\n- 集群怎么扩容？（提示：先看瓶颈在哪里）\n"
    assert [answer for _, answer in read(text)] == ["", ""]


def test_a_nested_list_is_the_answer_without_its_indent():
    text = "- 有哪些卷？\n  - emptyDir\n    - 随 Pod 消失\n- 哪些探针？\n  - 存活\n"
    assert read(text) == [("有哪些卷？", "- emptyDir\n  - 随 Pod 消失"), ("哪些探针？", "- 存活")]


def test_bare_questions_have_no_answer_and_ids():
    items = parse_notes("## 云\n\n- 怎么选网络插件\n- 怎么做多活\n- 证书有哪些\n", "a.md").items
    assert [item.answer for item in items] == [{}, {}, {}]
    assert len({item.id for item in items}) == 3


@pytest.mark.parametrize("nothing", ["不会。", "开放题，看情况。", "TODO", "略"])
def test_an_answer_that_says_there_is_none_is_none(nothing):
    assert read(f"## 怎么做联邦？\n\n{nothing}\n") == [("怎么做联邦？", "")]


def test_a_bare_question_that_is_answered_below_is_not_repeated():
    text = "## 题目\n\n* 什么是 `Pod`。\n* 什么是 CSI 接口\n\n## 回答\n\n### 1. 什么是Pod。\n\n一组容器。\n\n### 2. 什么是 CNI 接口\n\n网络。\n"
    assert read(text) == [("什么是 CSI 接口", ""), ("什么是Pod。", "一组容器。"), ("什么是 CNI 接口", "网络。")]


def test_listed_questions_after_numbered_answers_are_a_section_of_their_own():
    text = "1、什么是 A 记录？\n\n地址。\n\n2、什么是探针？\n\n检查。\n\n高级篇\n\n面向架构师。\n\n  • 如何多活？\n  • 如何降本？\n  • 如何限流？\n"
    assert read(text)[1:] == [("什么是探针？", "检查。"), ("如何多活？", ""), ("如何降本？", ""), ("如何限流？", "")]


def test_code_tables_and_quotes_stay():
    body = "```bash\n# 不是标题\n\n\nkubectl get po\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> 引用"
    assert read(f"# 怎么看 Pod？\n\n{body}\n\n# 怎么看节点？\n\n同理。\n")[0][1] == body


# --- headings that are no questions ----------------------------------------


def test_a_prose_heading_belongs_to_the_answer():
    text = "### 1. 配额怎么用？\n\n建对象。\n\n### 启用配额之后，必须给每个容器写上请求值，否则会被拒绝。\n\n如此。\n\n### 2. 怎么查配额？\n\n看描述。\n"
    first, second = read(text)
    assert "否则会被拒绝" in first[1] and first[1].endswith("如此。")
    assert second == ("怎么查配额？", "看描述。")


def test_deeper_headings_are_the_answer_unless_they_ask():
    text = "## 怎么升级集群？\n\n### 步骤\n\n先主后从。\n\n### 升级失败了要怎么回退呢？\n\n用备份。\n\n### 备注\n\n慢慢来。\n"
    assert read(text) == [
        ("怎么升级集群？", "### 步骤\n\n先主后从。\n\n### 备注\n\n慢慢来。"),
        ("升级失败了要怎么回退呢？", "用备份。"),
    ]


def test_a_numbered_bold_question_inside_an_answer_is_an_item():
    text = "### 1.金丝雀是什么\n\n**1、什么是金丝雀？**\n\n先放一点。\n\n**2、那么金丝雀的流程是什么样？**\n\n选人。\n\n**3、服务商**\n\n略去。\n"
    assert read(text) == [
        ("金丝雀是什么", "**1、什么是金丝雀？**\n\n先放一点。\n\n**3、服务商**\n\n略去。"),
        ("那么金丝雀的流程是什么样？", "选人。"),
    ]


# --- what is dropped -------------------------------------------------------


def test_tables_of_contents_are_dropped():
    text = (
        "<!-- START doctoc generated -->\n**Table of Contents**\n- [什么是 A？](#a)\nstray\n<!-- END doctoc generated -->\n"
        "[TOC]\n\n* [什么是 A？](#a)\n  * [别的文件](./b.md)\n\n# 什么是 A？\n\n甲。\n"
    )
    assert read(text) == [("什么是 A？", "甲。")]


def test_comments_and_images_are_dropped():
    text = "# 什么是 A？\n\n<!-- 这里\n# 不是问题？\n-->甲<!-- x -->乙。\n\n![Alt Image Text](x.png 'y')\n![](z.png)\n"
    assert read(text) == [("什么是 A？", "甲乙。")]


def test_a_comment_mark_in_code_is_text():
    assert read("# 怎么写注释？\n\n写 `<!-- x -->` 即可。\n")[0][1] == "写 `<!-- x -->` 即可。"


def test_placeholders_are_not_html():
    assert read("# 域名格式是什么？\n\n<font color=red>是</font> <svc>.<ns>\n")[0][1] == "是 <svc>.<ns>"


def test_prose_without_questions_makes_no_items():
    assert read("今天搭了集群，很顺利。\n\n- 买菜\n- 做饭\n") == []


# --- English ---------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Q: What is a Pod?\nA: A group of containers.\n\nQ: What is a Node?\nA: A machine.\n",
        "**Q1. What is a Pod?**\n\nA group of containers.\n\n**Q2. What is a Node?**\n\nA machine.\n",
        "# Kubernetes interview questions\n\n### What is a Pod?\n\nA group of containers.\n\n### What is a Node?\n\nA machine.\n",
        "1. What is a Pod?\n\n   A group of containers.\n\n2. What is a Node?\n\n   A machine.\n",
        "1. **What is a Pod?**\n   A group of containers.\n1. **What is a Node?**\n   A machine.\n",
    ],
)
def test_english_notes(text):
    assert read(text) == [("What is a Pod?", "A group of containers."), ("What is a Node?", "A machine.")]
    item = parse_notes(text, "a.md").items[0]
    assert set(item.question) == {"en"} and set(item.answer) == {"en"}


# --- items, ids, problems --------------------------------------------------


def test_an_item_says_where_it_was_read_and_in_which_language():
    (item,) = parse_notes("\n\n# What is etcd?\n\n键值存储。\n", "notes/x.md").items
    assert (item.source.path, item.source.line, item.kind) == ("notes/x.md", 3, "note")
    assert (set(item.question), set(item.answer), item.topic, item.level) == ({"en"}, {"zh"}, "", "")


def test_an_id_survives_another_answer_and_another_mark_but_not_another_question():
    def only(text: str) -> str:
        (item,) = parse_notes(text, "d/x.md").items
        return item.id

    first = only("# 什么是 Pod？\n\n甲\n")
    assert first.startswith("note-")
    assert first == only("## 1、什么是Pod?\n\n乙\n")
    assert first != only("# 什么是 Node？\n\n甲\n")


def test_equal_questions_in_one_file_have_distinct_ids():
    first, second = parse_notes("# 什么是 Pod？\n\n甲\n\n# 什么是 Pod？\n\n乙\n", "x.md").items
    assert first.id != second.id


def test_an_unclosed_fence_is_reported_and_swallows_no_question():
    reading = parse_notes("# 怎么看？\n\n```bash\nkubectl get po\n\n# 怎么删？\n\n用 delete。\n", "x.md")
    assert [item.title("zh") for item in reading.items] == ["怎么看？", "怎么删？"]
    assert [(p.line, "fence" in p.message) for p in reading.problems] == [(3, True)]


def test_an_unclosed_comment_is_reported_and_swallows_nothing():
    reading = parse_notes("# 怎么看？\n\n<!-- 甲\n\n# 怎么删？\n\n乙\n", "x.md")
    assert len(reading.items) == 2 and reading.problems[0].line == 3


# --- bytes -----------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_decode_reads_the_usual_encodings(encoding):
    text = "一、什么是污点？\r\n答：节点的标记。\r"
    assert decode(text.encode(encoding)) == ("一、什么是污点？\n答：节点的标记。\n", None)


def test_decode_reports_damage_and_keeps_the_rest():
    text, message = decode("什么是容忍？\n".encode() + b"\xff" + "容忍污点。".encode())
    assert text == "什么是容忍？\n\ufffd容忍污点。" and message and "utf-8" in message
    assert decode(b"a\0b")[0] == "ab" and decode(b"a\0b")[1]


def test_crlf_makes_no_difference():
    text = "## 什么是 A？\n\n甲。\n\n```\nx\n```\n"
    assert parse_notes(decode(text.replace("\n", "\r\n").encode())[0], "x") == parse_notes(text, "x")


# --- notes or document -----------------------------------------------------


def test_notes_are_told_from_documents():
    assert is_qa_notes("# 什么是 A？\n\n甲。\n\n# B 的原理\n\n乙。\n\n# 怎么用 C\n\n丙\n")
    assert not is_qa_notes("---\ntitle: FAQ\n---\n\n## What is A?\n\na\n\n## What is B?\n\nb\n")
    assert not is_qa_notes(
        "# Guide\n\nText.\n\n## Install\n\nx\n\n## Configure\n\ny\n\n## How it works\n\nz\n\n## Usage\n\nw\n"
    )
    assert not is_qa_notes("") and not is_qa_notes("只是一段话。")


# --- robustness ------------------------------------------------------------

PIECES = [
    "# ", "## 什么是A？", "1、", "2. ", "- ", "**", "答：", "答", "```", "~~~sh", "<!--", "-->", "![", "](", "[", "]", "|", "> ", "\n", "\n\n",
    "Q: ", "A: ", "？", "?", "<summary>", "</summary>", "<br>", "什么", "`", "----", "====", "\t", "  ", "一、", "1.2 ", "&nbsp;", "\x00", "\ud800",
]  # fmt: skip


def test_no_input_raises():
    rng = random.Random(7)
    for _ in range(400):
        text = "".join(rng.choice(PIECES) for _ in range(rng.randrange(60)))
        reading = parse_notes(text, "r.md")
        assert all(isinstance(item, Item) and normalise(item.title("zh")) for item in reading.items)
        is_qa_notes(text)
    for _ in range(200):
        text, _message = decode(rng.randbytes(rng.randrange(300)))
        parse_notes(text, "r.md")


@pytest.mark.parametrize(
    "unit",
    ["![", "<!--", "`<!--", "[", "1、", "**", "# ", "<a ", "<br>", " ", "？a", "- - ", "(", "什么", "# 什么是？\n", "1、什么\n", "- 什么是a\n",
     "- a\n  - b\n", "```a\n\n# x\n\n~~~a\n", "<summary>\n", "1、a\n\n", "**1、a怎么样呢怎么样？**\n", "[a](b", "a\n\n", "答：\n", "  - a\n", "> \n",
     "* [x](", "一、\n", "甲乙丙丁戊己？\n\n"],
)  # fmt: skip
def test_time_grows_with_size_and_no_faster(unit):
    text = unit * (100_000 // len(unit.encode()))
    start = time.perf_counter()
    parse_notes(text, "p.md")
    # A linear reader needs a fraction of this; one that looks back over all lines, minutes.
    assert time.perf_counter() - start < 3.0


# --- the seed files --------------------------------------------------------


def similarity(one: str, other: str) -> float:
    a, b = normalise(one), normalise(other)
    if min(len(a), len(b)) >= 4 and (a in b or b in a):
        return 0.7 + 0.3 * min(len(a), len(b)) / max(len(a), len(b))
    return difflib.SequenceMatcher(None, a, b, autojunk=False).ratio()


def matched(items: list[Item], rows: list[dict]) -> dict[str, Item]:
    """Ledger row id to item, one to one, best pairs first."""
    pairs = sorted(
        (
            (similarity(item.title("zh"), row["question"]), i, r)
            for i, item in enumerate(items)
            for r, row in enumerate(rows)
        ),
        key=lambda pair: -pair[0],
    )
    found: dict[str, Item] = {}
    used: set[int] = set()
    for score, i, r in pairs:
        if score >= 0.5 and i not in used and rows[r]["id"] not in found:
            found[rows[r]["id"]] = items[i]
            used.add(i)
    return found


def support(fact: str, answer: str) -> float:
    """The share of a fact's bigrams that the answer has, Latin words counted whole."""
    key, text = normalise(fact), normalise(answer)
    return len({pair for pair in bigrams(key) if pair in text}) / len(bigrams(key))


@pytest.mark.skipif(not (SEEDS / "ledger.jsonl").exists(), reason="the seed notes are not on this machine")
def test_seed_notes(capsys):
    ledger = [json.loads(line) for line in (SEEDS / "ledger.jsonl").read_text("utf-8").splitlines()]
    answered = bare = own = spurious = total = classified = 0
    misses: list[str] = []
    for path in sorted(SEEDS.glob("*.txt")):
        text, message = decode(path.read_bytes())
        reading = parse_notes(text, path.name)
        assert message is None and reading.problems == ()
        classified += is_qa_notes(text)
        rows = [row for row in ledger if row["seed"] == path.name]
        items = list(reading.items)
        found = matched(items, rows)
        total += len(items)
        spurious += len(items) - len(found)
        for row in rows:
            item = found.get(row["id"])
            answer = next(iter(item.answer.values()), "") if item else ""
            if not row["answered"]:
                ok = item is not None and item.answer == {}
                bare += ok
            else:
                # The ledger rewords its facts, so no fact is to be expected word by word:
                # the item has to support them, and no worse than its neighbours' items do.
                texts = {i: f"{o.title('zh')}\n{next(iter(o.answer.values()))}" for i, o in found.items() if o.answer}
                scores = {
                    i: sum(support(fact, body) for fact in row["facts"]) / len(row["facts"])
                    for i, body in texts.items()
                }
                mine = scores.pop(row["id"], 0.0)
                supported = mine >= 0.2 and mine >= 0.6 * max(scores.values())
                others = [next(iter(o.answer.values())) for i, o in found.items() if i != row["id"] and o.answer]
                key = normalise(answer)
                heads = [normalise(o.title("zh")) for i, o in found.items() if i != row["id"]]
                swallowed = [
                    h
                    for h in heads
                    if len(h) >= 8
                    and any(normalise(line.strip("#*- 1234567890.、")) == h for line in answer.splitlines())
                ]
                bodies = [normalise(o) for o in others if len(normalise(o)) >= 30]
                swallowed += [b for b in bodies if b in key]
                ok = bool(answer) and supported and not swallowed
                answered += ok
                own += bool(answer)
            if not ok:
                misses.append(
                    f"{row['id']} {row['question'][:30]} -> {item.title('zh')[:30] if item else None} | {answer[:40]!r}"
                )
    n_answered = sum(row["answered"] for row in ledger)
    n_bare = len(ledger) - n_answered
    with capsys.disabled():
        print(
            f"\nseeds: answered {answered}/{n_answered} = {answered / n_answered:.1%} (own item {own}), "
            f"bare {bare}/{n_bare} = {bare / n_bare:.1%}, spurious {spurious}/{total} = {spurious / total:.1%}"
        )
        print(*misses, sep="\n")
    assert classified == 5
    assert answered >= 0.95 * n_answered
    assert bare >= 0.95 * n_bare
    assert spurious < 0.10 * total

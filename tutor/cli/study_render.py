"""How questions, grades and progress look in a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.markdown import Markdown
from rich.padding import Padding
from rich.text import Text

from tutor.cli.render import ERR, OUT
from tutor.interview import TOPIC_NAMES, to_markdown

if TYPE_CHECKING:
    from tutor.grading import Grade, PointVerdict
    from tutor.interview import Change, Question, Report
    from tutor.progress import Event
    from tutor.study import Progress

MARKS = {
    "hit": ("✓", "green"), "partial": ("◐", "yellow"), "missed": ("✗", "red"),
    "contradicted": ("!", "bold red"),
}
_LEVELS = {
    "junior": {"zh": "初级", "en": "junior"}, "mid": {"zh": "中级", "en": "mid"},
    "senior": {"zh": "高级", "en": "senior"},
}
_MOST_WEAK = 8
_MOST_INTERVIEWS = 5
_BAR = 20

WORDS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "begin": "面试 {id}：共 {n} 题。空行结束一次回答，/help 查看命令。",
        "resume": "继续面试 {id}：共 {n} 题，已问 {asked} 题。空行结束一次回答，/help 查看命令。",
        "question": "第 {number}/{of} 题", "probe": "追问", "deeper": "深入追问（不计分）",
        "why": "为什么问：{why}", "hint": "提示（还剩 {n} 次）：", "noted": "已记下。",
        "expect": "你预计这一题得几分？（0–10，直接回车表示不预估）",
        "predicted": "已记下：你预计得 {score:g} 分。",
        "appealed": "已记下你对第 {number} 个要点的申诉：{point}",
        "unknown": "没有命令 {line}，这一行没有提交。命令见 /help；要把它当作回答，请在前面再加一个 /。",
        "appeal_usage": "用法：/appeal 要点序号 理由；要申诉前面的题：/appeal 题号.要点序号 理由",
        "predict_usage": "用法：/predict 分数（0–10）",
        "paused": "面试已暂停，随时可以继续：{command}",
        "nothing": "现在没有可以问的题（刚答过的题半小时内不会再问）。",
        "appeals": "觉得判错了？/appeal 题号.要点序号 理由。直接回车结束。",
        "saved": "报告已写入 {path}",
        "help": (
            "/hint               下一个提示（会降低这次复习的评级）\n"
            "/skip               跳过这一题\n"
            "/predict 7          回答之前预估自己的得分\n"
            "/appeal 2 理由      对上一题第 2 个要点的判定提出申诉（/appeal 3.2 理由：第 3 题的）\n"
            "/pause              暂停，以后继续\n"
            "/finish             到此结束，查看报告\n"
            "/help               这份说明\n"
            "命令独占一行。空行（或 Ctrl-D）结束一次回答；``` 代码块里可以有空行；\n"
            "以 / 开头的回答写成 //。"
        ),
        "job": "请粘贴职位描述，单独一行 . 结束（或 Ctrl-D）：",
        "type": "请输入回答，单独一行 . 结束（或 Ctrl-D）：", "grading": "评分中",
        "score": "得分", "weight": "权重 {n}", "said": "你说", "passage": "原文", "source": "出处",
        "unsure": "把握不大", "misconception": "误解：{claim}", "right": "正确的是：{correction}",
        "same_thing": "你说到了吗？(y 说到了，n 没说到，w 说错了) ",
        "nothing_due": "今天没有到期的题。", "next_due": "下一次到期：{when}。",
        "no_cards": "还没有复习卡片：先做一次 `tutor interview`。",
        "empty": "还没有记录。从 `tutor interview` 开始，或用 `tutor grade` 试着答一题。",
        "summary": "{replies} 次回答 · 连续 {streak} 天 · {due} 题到期",
        "review": "，用 `tutor review` 复习",
        "week": "今后 7 天到期：{counts}",
        "mastery": "各主题掌握程度（90% 区间）", "asked": "{reviewed}/{items} 题", "due": "，{n} 题到期",
        "untouched": "还没有问过：{topics}",
        "readiness": "各级别的把握：一题得到 6 分的概率（90% 区间，依据 {n} 次回答）",
        "weakest": "最弱的主题：{topic}",
        "weak": "薄弱要点", "times": "{n} 次没有说到", "more": "……还有 {n} 个（--json 列出全部）",
        "calibration": "自我预估", "over": "{n} 次预估，平均高估 {bias:.1f} 分，平均误差 {error:.1f} 分",
        "under": "{n} 次预估，平均低估 {bias:.1f} 分，平均误差 {error:.1f} 分",
        "interviews": "最近的面试", "finished": "已结束", "unfinished": "未结束，`tutor interview --resume {id}` 继续",
        "same": "所有回答的评分都没有变。", "changed": "{n} 次回答的评分变了",
        "none": "无", "no_appeals": "没有申诉。", "reason": "理由",
        "cards": "已把 {n} 张卡片写入 {path}", "exported": "已把 {user} 的 {n} 条记录写入 {path}",
        "delete": "要删除 {user} 的全部 {n} 条记录吗？删除后无法恢复。(y/n)",
        "kept": "没有删除任何记录。", "deleted": "已删除 {user} 的 {n} 条记录。",
    },
    "en": {
        "begin": "Interview {id}, questions: {n}. An empty line ends a reply, /help lists the commands.",
        "resume": "Interview {id} goes on, {asked} of {n} asked. An empty line ends a reply, /help lists the commands.",
        "question": "Question {number} of {of}", "probe": "Probe", "deeper": "Deeper question (not graded)",
        "why": "Why this one: {why}", "hint": "Hint ({n} left): ", "noted": "Noted.",
        "expect": "Which score do you expect? (0 to 10; just Enter for no prediction)",
        "predicted": "Noted: you expect {score:g}.",
        "appealed": "Noted: you dispute the verdict on point {number}: {point}",
        "unknown": "There is no command {line}, and nothing was sent. See /help; to send it as a reply, put another / before it.",
        "appeal_usage": "Usage: /appeal POINT REASON; of an earlier question: /appeal QUESTION.POINT REASON",
        "predict_usage": "Usage: /predict SCORE (0 to 10)",
        "paused": "The interview is paused. Go on with it at any time: {command}",
        "nothing": "There is nothing to ask now (what was just answered rests for half an hour).",
        "appeals": "Is a verdict wrong? /appeal QUESTION.POINT REASON. Just Enter to leave.",
        "saved": "The report is in {path}",
        "help": (
            "/hint               the next hint (lowers the rating of this review)\n"
            "/skip               pass over this question\n"
            "/predict 7          predict your score before you reply\n"
            "/appeal 2 REASON    dispute the verdict on point 2 of the last question (/appeal 3.2: of question 3)\n"
            "/pause              leave, and go on later\n"
            "/finish             end here and see the report\n"
            "/help               this list\n"
            "A command has a line of its own. An empty line (or Ctrl-D) ends a reply;\n"
            "blocks between ``` may hold empty lines; a reply that begins with / is written //."
        ),
        "job": "Paste the job description; a line with only . ends it (or Ctrl-D):",
        "type": "Type your reply; a line with only . ends it (or Ctrl-D):", "grading": "grading",
        "score": "Score", "weight": "weight {n}", "said": "you said", "passage": "passage", "source": "source",
        "unsure": "not sure", "misconception": "Misconception: {claim}", "right": "What holds: {correction}",
        "same_thing": "Did you say it? (y: yes, n: no, w: I had it wrong) ",
        "nothing_due": "Nothing is due today.", "next_due": "Next due: {when}.",
        "no_cards": "There are no cards yet: begin with `tutor interview`.",
        "empty": "Nothing is recorded yet. Begin with `tutor interview`, or try a reply with `tutor grade`.",
        "summary": "replies: {replies} · days in a row: {streak} · due: {due}",
        "review": ", see `tutor review`",
        "week": "Falling due in the next 7 days: {counts}",
        "mastery": "Mastery by topic (90% interval)", "asked": "{reviewed} of {items} asked", "due": ", {n} due",
        "untouched": "Not asked yet: {topics}",
        "readiness": "Readiness by level: the chance that a reply scores 6 (90% interval; replies so far: {n})",
        "weakest": "Weakest topic: {topic}",
        "weak": "Weak points", "times": "times not made: {n}", "more": "… and {n} more (--json lists all)",
        "calibration": "Your predictions", "over": "predictions: {n}; {bias:.1f} too high on average, off by {error:.1f}",
        "under": "predictions: {n}; {bias:.1f} too low on average, off by {error:.1f}",
        "interviews": "Latest interviews", "finished": "finished", "unfinished": "unfinished, go on with `tutor interview --resume {id}`",
        "same": "No reply is graded differently now.", "changed": "graded differently now: {n}",
        "none": "none", "no_appeals": "There are no appeals.", "reason": "reason",
        "cards": "cards written to {path}: {n}", "exported": "events of {user} written to {path}: {n}",
        "delete": "Delete all events of {user} ({n})? They can't be had back. (y/n)",
        "kept": "Nothing is deleted.", "deleted": "events of {user} deleted: {n}",
    },
}
_JOIN = {"zh": "、", "en": ", "}


def say(*parts: str | tuple[str, str]) -> None:
    """Text on stdout, folded only in a terminal; a part may be (text, style)."""
    OUT.print(Text.assemble(*parts), soft_wrap=not OUT.is_terminal)


def notice(text: str, style: str = "dim") -> None:
    """A line on stderr, beside what the command is asked for."""
    ERR.print(Text(text, style), soft_wrap=True)


def waiting(lang: str) -> contextlib.AbstractContextManager[object]:
    """Says in a terminal that a reply is being graded."""
    return ERR.status(WORDS[lang]["grading"]) if ERR.is_terminal else contextlib.nullcontext()


def question(asked: Question, lang: str) -> None:
    """The question with its place, topic, level and the reason for it."""
    words = WORDS[lang]
    say()
    if asked.kind == "question":
        place = words["question"].format(number=asked.number, of=asked.of)
        level = _LEVELS.get(asked.level, {}).get(lang, asked.level)
        say((place, "cyan"), (f" · {_topic(asked.topic, lang)} · {level}", "dim"))
        say((words["why"].format(why=asked.why), "dim"))
    else:
        say((words[asked.kind], "cyan"))
    say((asked.text, "bold"))


def hint(text: str, left: int, lang: str) -> None:
    """A hint with the number of those that are left."""
    say((WORDS[lang]["hint"].format(n=left), "magenta"), text)


def grade(found: Grade, lang: str, *, numbered: bool = True) -> None:
    """The score, each point with its mark and evidence, and the feedback.

    `numbered` points can be appealed against by their number.
    """
    words = WORDS[lang]
    style = "green" if found.score >= 8 else "yellow" if found.score >= 5 else "red"
    unsure = (f"  {found.unsure_reason}", "yellow") if found.unsure else ""
    say()
    say(words["score"], " ", (f"{found.score:g}/10", f"bold {style}"), unsure)
    for number, point in enumerate(found.points, 1):
        _point(point, f"{number}. " if numbered else "", words)
    for stated in found.misconceptions:
        say(("  ! ", "bold red"), words["misconception"].format(claim=stated.claim))
        _under(words["said"], f"“{stated.quote}”", "reverse")
        _under("", words["right"].format(correction=stated.correction), "none")
    say(found.feedback)


def _point(point: PointVerdict, number: str, words: Mapping[str, str]) -> None:
    mark, style = MARKS[point.verdict]
    told = point.text in point.feedback
    weight = f"  ({words['weight'].format(n=point.weight)})"
    say((f"  {mark} ", style), number, point.feedback if told else point.text, (weight, "dim"))
    if point.quote:
        _under(words["said"], f"“{point.quote}”", f"reverse {style.split()[-1]}")
    if point.feedback and not told and point.verdict != "hit":
        _under("", point.feedback, "none")
    if point.verdict != "hit" and point.passage not in ("", point.text):
        _under(words["passage"], point.passage, "dim")
    if point.source and point.verdict != "hit":
        _under(words["source"], point.source, "dim")
    if point.unsure:
        _under(words["unsure"], point.self_check, "yellow")


def _under(label: str, text: str, style: str) -> None:
    """A detail below a point; its further lines keep the indent."""
    head = (f"{label}: " if label else "", "dim")
    if OUT.is_terminal:
        OUT.print(Padding(Text.assemble(head, (text, style)), (0, 0, 0, 6), expand=False))
    else:
        say("      ", head, text.replace("\n", "\n      "))


def report(found: Report) -> None:
    """The report of an interview."""
    text = to_markdown(found, found.lang)
    if OUT.is_terminal:
        OUT.print(Markdown(text))
    else:
        print("\n" + text, end="")


def nothing_due(upcoming: datetime | None, lang: str) -> None:
    """That no card is due, and when the next one will be."""
    words = WORDS[lang]
    if upcoming is None:
        say(words["no_cards"])
    else:
        say(words["nothing_due"], " ", words["next_due"].format(when=_local(upcoming)))


def progress(found: Progress, lang: str) -> None:
    """Everything that the log says of the user."""
    words = WORDS[lang]
    if not found.reviews and not found.interviews:
        say(words["empty"])
        return
    due = len(found.due)
    summary = words["summary"].format(replies=len(found.reviews), streak=found.streak, due=due)
    say((found.user, "bold"), "  ", summary, words["review"] if due else "")
    if found.reviews:
        say((words["week"].format(counts=" ".join(str(n) for _, n in found.workload[:7])), "dim"))
        _mastery(found, lang)
        _readiness(found, lang)
    _weak(found, lang)
    known = found.calibration
    if known.bias is not None and known.error is not None:
        text = words["over" if known.bias >= 0 else "under"]
        _heading(words["calibration"])
        say("  ", text.format(n=known.n, bias=abs(known.bias), error=known.error))
    _heading(words["interviews"])
    for one in found.interviews[:_MOST_INTERVIEWS]:
        state = words["finished"] if one.finished else words["unfinished"].format(id=one.id)
        say(f"  {_local(one.started)}  {one.id}  ", (state, "dim"))


def _mastery(found: Progress, lang: str) -> None:
    words = WORDS[lang]
    _heading(words["mastery"])
    asked = [topic for topic in found.mastery if topic.reviewed]
    names = {topic.topic: _topic(topic.topic, lang) for topic in found.mastery}
    width = max((cell_len(names[topic.topic]) for topic in asked), default=0)
    for topic in asked:
        count = words["asked"].format(reviewed=topic.reviewed, items=topic.items)
        due = words["due"].format(n=topic.due) if topic.due else ""
        say(
            f"  {set_cell_size(names[topic.topic], width)}  ", _bar(topic.low, topic.mean, topic.high),
            f"  {_share(topic.low, topic.mean, topic.high)}  ", (count + due, "dim"),
        )
    if rest := [names[topic.topic] for topic in found.mastery if not topic.reviewed]:
        say(("  " + words["untouched"].format(topics=_JOIN[lang].join(rest)), "dim"))


def _readiness(found: Progress, lang: str) -> None:
    words = WORDS[lang]
    levels = found.readiness.values()
    _heading(words["readiness"].format(n=max((r.replies for r in levels), default=0)))
    names = {ready.level: _LEVELS[ready.level][lang] for ready in levels}
    width = max(map(cell_len, names.values()), default=0)
    for ready in levels:
        say(
            f"  {set_cell_size(names[ready.level], width)}  ", _bar(ready.low, ready.mean, ready.high),
            f"  {_share(ready.low, ready.mean, ready.high)}",
        )
    if weakest := next((ready.weakest for ready in levels if ready.weakest), ""):
        say(("  " + words["weakest"].format(topic=_topic(weakest, lang)), "dim"))


def _weak(found: Progress, lang: str) -> None:
    words = WORDS[lang]
    if found.weak:
        _heading(words["weak"])
    for weak in found.weak[:_MOST_WEAK]:
        mark, style = MARKS[weak.verdict]
        detail = f"{weak.item_id} · {_topic(weak.topic, lang)} · {words['times'].format(n=weak.times)}"
        say((f"  {mark} ", style), weak.text, (f"  {detail} · {_local(weak.at)}", "dim"))
        if weak.quote:
            _under(words["said"], f"“{weak.quote}”", "none")
    if (more := len(found.weak) - _MOST_WEAK) > 0:
        say(("  " + words["more"].format(n=more), "dim"))


def changes(found: Sequence[Change], lang: str) -> None:
    """Replies that are graded differently now, with the verdicts that changed."""
    words = WORDS[lang]
    say(words["changed"].format(n=len(found)) if found else words["same"])
    for change in found:
        say()
        say((f"{change.item_id}  ", "bold"), f"{change.old:g} → {change.new:g}  ",
            (f"{change.user} · {change.interview}", "dim"))
        _under(words["said"], f"“{_short(change.reply)}”", "dim")
        for verdict in change.verdicts:
            old, new = (MARKS[v][0] if v else words["none"] for v in (verdict.old, verdict.new))
            say(f"  {old} → {new}  {verdict.point}")


def appeals(found: Sequence[Event], lang: str) -> None:
    """Disputed verdicts with their evidence."""
    words = WORDS[lang]
    if not found:
        say(words["no_appeals"])
    for event in found:
        data = event.data
        mark, style = MARKS.get(data.get("verdict", ""), ("?", "none"))
        where = f"  {data.get('item_id')} · {event.user} · {event.interview} · {_local(event.at)}"
        say((f"{mark} ", style), f"{data.get('number')}. {data.get('point', '')}", (where, "dim"))
        if data.get("quote"):
            _under(words["said"], f"“{data['quote']}”", "none")
        _under(words["reason"], str(data.get("reason", "")), "none")


def _heading(text: str) -> None:
    say()
    say((text, "bold"))


def _bar(low: float, mean: float, high: float) -> tuple[str, str]:
    """Full up to `low`, dark up to `mean`, light up to `high`."""
    ends = ((low, "█"), (mean, "▓"), (high, "▒"), (1.0, "·"))
    cells = ((place + 0.5) / _BAR for place in range(_BAR))
    return "".join(next(mark for end, mark in ends if cell <= end) for cell in cells), "cyan"


def _share(low: float, mean: float, high: float) -> str:
    return f"{mean:4.0%} ({low:.0%}–{high:.0%})"


def _topic(topic: str, lang: str) -> str:
    return TOPIC_NAMES[topic][lang] if topic in TOPIC_NAMES else topic


def _local(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else f"{line[:160]}…"

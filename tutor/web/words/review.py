"""Strings of the page "review"."""

from tutor.web.text import Words

WORDS = Words({
    "title": ("今天的复习", "Today's review"),
    "lead": (
        "快要忘记的题，按遗忘曲线排到今天。答完照样逐点评分。",
        "What you are about to forget, scheduled for today. Graded point by point as ever.",
    ),
    "due": ("题今天到期", "due today"),
    "more": ("还有 {n} 题", "and {n} more"),
    "begin": ("开始复习", "Begin"),
    "go-on": ("继续复习（已答 {done} / {n} 题）", "Go on ({done} of {n} answered)"),
    "nothing": ("今天没有到期的题。", "Nothing is due today."),
    "resting": (
        "到期的题你刚刚答过，先歇一歇，{when}可以复习。",
        "What is due you have only just answered. Let it rest; it can be reviewed {when}.",
    ),
    "next-due": ("下一次到期：{when}。", "Next due: {when}."),
    "empty": (
        "还没有复习卡片。面试里答过的题会自动变成卡片，到了该复习的那天出现在这里。",
        "There are no cards yet. What you answer in an interview becomes a card and comes up here when it is due.",
    ),
    "to-interview": ("去面试", "To the interview"),
    "anki": ("导出到 Anki", "Export to Anki"),
    "anki-done": ("已导出 {n} 张卡片", "Cards exported: {n}"),
    "anki-none": ("还没有卡片可以导出。", "There are no cards to export yet."),
    "cards": ("共 {n} 张卡片", "Cards in all: {n}"),
    "overdue": ("{when}到期", "due {when}"),
    "done": ("这一轮复习完了", "Review done"),
    "keys": (
        "按 n 开始。答题时 Ctrl + Enter 提交；按 Esc 离开输入框后，h 要提示，n 继续",
        "Press n to begin. Ctrl + Enter sends a reply; after Esc, h gives a hint and n goes on",
    ),
})

"""Strings of the conversation list and of what one can do with an answer."""

from tutor.web.text import Words

WORDS = Words({
    "chats": ("历史对话", "Conversations"),
    "search": ("搜索对话", "Search conversations"),
    "none": ("还没有对话。提的问题会保存在这里。", "No conversations yet. What you ask is kept here."),
    "found_none": ("没有找到。", "Nothing found."),
    "today": ("今天", "Today"),
    "week": ("近 7 天", "Past 7 days"),
    "month": ("近 30 天", "Past 30 days"),
    "older": ("更早", "Earlier"),
    "more": ("更多操作", "More"),
    "rename": ("标题", "Title"),
    "save": ("保存", "Save"),
    "export": ("导出 Markdown", "Export Markdown"),
    "delete": ("删除", "Delete"),
    "sure": ("删除这个对话？", "Delete this conversation?"),
    "renamed": ("已改名", "Renamed"),
    "deleted": ("已删除", "Deleted"),
    "exported": ("已导出", "Exported"),
    "up": ("有帮助", "Helpful"),
    "down": ("没有帮助", "Not helpful"),
    "reason": ("原因（可不填）", "Reason (optional)"),
    "reason_up": ("哪里好？（可不填）", "What was good? (optional)"),
    "reason_down": ("哪里不对？（可不填）", "What is wrong? (optional)"),
    "send": ("提交", "Send"),
    "thanks": ("谢谢，已记下。", "Thank you, noted."),
    "again": ("再问一次", "Ask again"),
})

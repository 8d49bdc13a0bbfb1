"""What errors say, in Chinese: for the page, where both languages stand beside each other.

Errors are English sentences by contract (`tutor.errors`). Those that a learner
can cause are here, sentence and remedy apart; {fields} stand for what a message
fills in. Any other keeps its English words behind a Chinese sentence about its
kind, so that nothing of it is lost.
"""

from __future__ import annotations

import re

from tutor.errors import (
    EndpointError,
    IndexError_,
    ModelError,
    ModelMissing,
    StorageError,
    TutorError,
)

CHINESE = {
    # asking
    "the question is empty": "问题是空的",
    "type a question about Kubernetes": "请输入一个 Kubernetes 问题",
    "the question has {n} characters; {most} are allowed": "问题有 {n} 个字，最多 {most} 个",
    "ask about one thing at a time": "一次只问一件事",
    "there is no conversation {id}": "没有这个对话，可能已经删除",
    "conversation {id} has no question {n}": "这个对话里没有这一问",
    "a conversation needs a title": "对话要有一个名称",
    "that can't be rated": "这里不能评价",
    # interviews
    "there is no such interview": "没有这场面试",
    "see `tutor progress` for those there are": "到“面试”页看有哪些",
    "this interview can't take another question": "这场面试不能再加题了",
    "begin another one": "请另开一场",
    "begin another interview": "请另开一场面试",
    "an interview has 1 to {most} questions, not {n}": "一场面试是 1 到 {most} 题，不能是 {n} 题",
    "can't {what}: the interview is finished": "这场面试已经结束",
    "can't {what}: no question is open": "现在没有等待回答的题",
    "no question is open": "现在没有等待回答的题",
    "call next() for one": "请点“继续”",
    "can't {what} for a follow-up": "追问不能这样做",
    "reply, or skip it": "请回答或跳过",
    "an exam has no hints": "考试没有提示",
    "all {n} hints are given": "{n} 条提示都给过了",
    "answer as far as you can, or skip": "能答多少答多少，或者跳过",
    "a reply is text of at most {n} characters": "回答最多 {n} 个字",
    "the reply has {n} characters; {most} are allowed": "回答有 {n} 个字，最多 {most} 个",
    "keep to the question": "请围绕问题回答",
    "a predicted score is 0 to 10, not {n}": "预估分数是 0 到 10，不能是 {n}",
    "reply first": "请先回答",
    "the grade has points 1 to {n}, not {point}": "评分的要点是 1 到 {n}，没有 {point}",
    "an appeal needs a reason": "请写明不同意的理由",
    "say in a sentence what is wrong": "用一句话说清哪里不对",
    "the verdicts of an exam come at its end": "考试的评分要等全部答完",
    "finish the exam first": "请先结束考试",
    "there is no grade to judge": "这里没有评分可以评判",
    "reload the page": "请刷新页面",
    "see Grade.points[n].unsure": "只有“把握不大”的要点可以自评",
    "point {n} isn't one to check": "这个要点不用自评",
    "the reply has no words for point {n}": "回答里没有说到这个要点",
    "judge it missed": "请选“没有说到”",
    "the job description has {n} characters; {most} are allowed": "职位描述有 {n} 个字，最多 {most} 个",
    "paste the requirements only": "只粘贴任职要求即可",
    "the job description is empty": "还没有贴职位描述",
    "paste the requirements, or choose another style": "请贴上招聘要求，或者换一种形式",
    "the job description names nothing of Kubernetes": "职位描述里没有认得出的 Kubernetes 内容",
    "paste its requirements, or choose topics yourself": "请粘贴任职要求，或者换一种形式，自己选主题",
    "interview {id} went on elsewhere: its next event is {following}, not {seq}": "这场面试在别的窗口里已经往下走了",
    "open the interview again": "请重新打开这场面试",
    "interview {id} is written to by too many at once": "这场面试同时被多处写入，请再试一次",
    "event {n} ({kind}) of the interview {id} is damaged: {why}": "这场面试的记录有损坏",
    "start a new interview; finished reviews are kept": "请另开一场；已完成的复习都还在",
    # library and notes
    "no item has the id {id}": "没有这道题",
    "{name} can't be asked: it has no key points in {lang}": "这道题没有这种语言的要点，不能用来练习",
    "{name} has no key points to grade by": "这道题没有评分要点",
    "{name} is no file of notes": "{name} 不是笔记文件",
    "use a name in .md, .markdown or .txt": "请用 .md、.markdown 或 .txt 文件",
    "{name} has {size} MB; {most} are allowed": "{name} 有 {size} MB，最多 {most} MB",
    "split the file": "请拆成几个文件",
    "there is no room for {name}: {files} files and {all} MB of notes are allowed": "放不下 {name}：笔记最多 {files} 个文件、共 {all} MB",
    "remove some first": "请先移除一些",
    "{name} is empty": "{name} 是空的",
    "{name} holds no text": "{name} 的内容不是文字",
    "send Markdown or plain text": "请上传 Markdown 或纯文本",
    "{name} can't be kept: {why}": "{name} 存不下来：{why}",
    "free some disk space, then send it again": "请腾出磁盘空间后再上传",
    "{name} can't be the name of a file of notes": "{name} 不能用作笔记的文件名",
    "files can't be sent here": "这里不能上传文件",
    "{n} files are waiting already": "已有 {n} 个文件在等待处理，请稍后再传",
    "{name} is larger than {most} MB": "{name} 超过了 {most} MB",
    "the upload can't be written: {why}": "上传的文件写不下来：{why}",
    "an uploaded file is no longer there": "上传的文件已经过期",
    "choose it again": "请重新选择",
    "there is no action {name} here": "这里没有这个操作",
    # problems found in notes
    "a code fence opened here is never closed": "这里开始的代码块没有结束",
    "a comment opened here is never closed": "这里开始的注释没有结束",
    "larger than {n} MB: split the file": "超过 {n} MB，请拆成几个文件",
    "can't be read: {why}": "读不出来：{why}",
    "holds NUL bytes, which were dropped: is it a text file?": "含有 NUL 字节，已去掉。这是文本文件吗？",
    "byte {n} can't be read as {encoding}; unreadable bytes were replaced": "第 {n} 个字节不是 {encoding} 文字；读不出的地方已替换",
    "the id {id} is taken": "编号 {id} 已被占用",
}  # fmt: skip

KINDS: tuple[tuple[type[TutorError], str], ...] = (
    (StorageError, "数据没能读写，可能是磁盘已满或没有权限"),
    (IndexError_, "索引打不开，请让管理员重建"),
    (ModelMissing, "模型还没有下载到这台机器"),
    (EndpointError, "模型服务没有正常应答"),
    (ModelError, "模型出了问题"),
    (TutorError, "没能完成"),
)
"""What is said of an error whose words are not in `CHINESE`; the first that fits."""

_FIELD = re.compile(r"\\\{(\w+)\\\}")


def _pattern(english: str) -> re.Pattern[str]:
    return re.compile(_FIELD.sub(r"(?P<\1>.+)", re.escape(english)), re.DOTALL)


_PATTERNS = [(_pattern(english), chinese) for english, chinese in CHINESE.items()]


def chinese(english: str) -> str | None:
    """The sentence in Chinese, if it is a known one."""
    for pattern, said in _PATTERNS:
        if found := pattern.fullmatch(english):
            return said.format(**found.groupdict())
    return None


def in_chinese(error: TutorError) -> str:
    """The whole error in Chinese, with its own words where there are no Chinese ones."""
    said = chinese(error.message)
    if said is None:
        kind = next(text for one, text in KINDS if isinstance(error, one))
        return f"{kind}：{error}"
    if not error.fix:
        return f"{said}。"
    return f"{said}。{chinese(error.fix) or error.fix}。"


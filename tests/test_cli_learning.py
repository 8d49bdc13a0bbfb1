"""Learning at the command line: a whole interview over piped lines, and what it leaves behind."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter

import pytest

from tests.conftest import judged
from tests.doubles import CORPUS, Clock, FakeEmbedder, FakeJudge
from tutor import Tutor
from tutor.cli import main
from tutor.cli import study_render as show
from tutor.cli.main import parser
from tutor.cli.study_render import WORDS
from tutor.corpus.items import LANGS, LEVELS
from tutor.errors import ModelDamaged
from tutor.grading import VERDICTS, Grade, PointVerdict, StatedMisconception
from tutor.interview import MODES
from tutor.settings import Settings

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
FULL = {
    "pod-pending": "Read the scheduling events with kubectl describe pod first. Usual causes are insufficient resources, taints without tolerations and unbound PVCs.",
    "probes": "When a liveness probe fails, the kubelet restarts the container. When a readiness probe fails, the Pod is removed from the endpoints of the Service and the container is not restarted.",
    "drain": "Run kubectl cordon, then kubectl drain --ignore-daemonsets to evict the Pods. Afterwards kubectl uncordon allows scheduling again; the grace period defaults to 30 seconds.",
    "pvc": "A PVC is a user's request for storage and a PV is a piece of storage in the cluster. They are bound one to one by capacity and access mode.",
}
ALL = " ".join(FULL.values())
"""A reply that makes all points of all items."""


class Typed(io.StringIO):
    """Lines that come from a terminal."""

    def isatty(self) -> bool:
        return True


class Interrupted(io.StringIO):
    """Ctrl-C once the lines are used up."""

    def readline(self, *_: object) -> str:
        line = super().readline()
        if not line:
            raise KeyboardInterrupt
        return line


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A corpus of four items with its index, built once."""
    folder = tmp_path_factory.mktemp("shelf")
    for name, text in CORPUS.items():
        path = folder / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    settings = Settings(
        data_dir=folder / "data", cache_dir=folder / "cache", corpus_dir=folder / "corpus", chat="none"
    )
    Tutor.open(settings, embedder=FakeEmbedder(), judge=FakeJudge()).close()
    return settings


@pytest.fixture
def clock() -> Clock:
    return Clock(START, 10)


Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(
    shelf: Settings, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Cli:
    """Runs a command over the shelf, with the lines as standard input and a log of the test's own."""
    settings = replace(shelf, database=str(tmp_path / "log.sqlite3"))
    judges = [FakeJudge()]

    def opener(**_: object) -> Tutor:
        opened = Tutor.open(settings, embedder=FakeEmbedder(), judge=judges[-1])
        return judged(opened, judges[-1], clock=clock)

    monkeypatch.setattr("tutor.cli.commands.open_tutor", opener)

    def run(
        argv: str | list[str], lines: str | io.StringIO = "", judge: FakeJudge | None = None
    ) -> tuple[int, str, str]:
        judges.append(judge or FakeJudge())
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines) if isinstance(lines, str) else lines)
        capsys.readouterr()
        status = main(argv.split() if isinstance(argv, str) else argv)
        return status, *capsys.readouterr()

    return run


def events(cli: Cli, name: str = "me") -> list[dict]:
    """What the log holds of the user."""
    return json.loads(cli(f"user export {name}")[1])["events"]


def kinds(cli: Cli) -> list[str]:
    return [event["kind"] for event in events(cli)]


def replies(cli: Cli) -> list[str]:
    return [event["data"]["text"] for event in events(cli) if event["kind"] == "replied"]


PVC = "interview --topic storage -n 1 --lang en"
"""An interview of one question: "What is the relation of PV and PVC"."""


# interviews ----------------------------------------------------------------------------------


def test_a_whole_interview_over_piped_lines(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "report.md"
    lines = f"{ALL}\n\nBecause of volumes.\n\nno idea\n\nstill none\n\n"
    status, said, beside = cli(
        f"interview --topic storage --topic scheduling -n 2 --lang en --seed 1 --out {out}", lines
    )
    assert status == 0
    assert said.index("Question 1 of 2") < said.index("10/10") < said.index("Deeper question")
    assert said.index("Question 2 of 2") < said.index("Score 0/10") < said.index("Probe")
    assert "✓ 1." in said and "✗ 2." in said and "you said: “" in said
    report = out.read_text("utf-8")
    assert said.endswith(report) and report.startswith("# Interview report")
    assert "**Score** 5.0/10" in report and "no idea" in report
    assert str(out) in beside and "> " not in said
    assert kinds(cli)[-1] == "finished"


def test_the_interview_speaks_chinese_by_default(cli: Cli) -> None:
    _, said, beside = cli("interview --topic storage -n 1", "先有鸡\n\n/skip\n")
    assert "第 1/1 题 · 存储 · 初级" in said and "# 面试报告" in said
    assert "没有说到" in said and "空行结束一次回答" in beside


@pytest.mark.parametrize(
    ("lines", "status"),
    [("", 0), ("half a reply\n/pause\n", 0), (Interrupted("half a reply\n"), 130)],
    ids=["end of input", "/pause", "Ctrl-C"],
)
def test_an_interview_that_was_left_goes_on(cli: Cli, lines: str | io.StringIO, status: int) -> None:
    left, said, beside = cli(f"{PVC} --user li", lines)
    name = re.search(r"tutor interview --resume (\w+) --user li", beside)
    assert left == status and name and "report" not in said
    done, said, beside = cli("interview --resume --user li", f"{FULL['pvc']}\n\n/skip\n")
    assert done == 0 and name[1] in beside
    assert "10/10" in said and "# Interview report" in said
    done, said, _ = cli(f"interview --resume {name[1]} --user li")
    assert done == 0 and "# Interview report" in said, "a finished one shows its report again"


def test_a_reply_that_could_not_be_graded_is_graded_when_the_interview_goes_on(cli: Cli) -> None:
    class Broken(FakeJudge):
        def read(self, *_: object):
            raise ModelDamaged("the weights are damaged", fix="install again")

    status, said, beside = cli(PVC, f"{FULL['pvc']}\n\n", Broken())
    assert status == 1 and "10/10" not in said
    assert "tutor interview --resume" in beside and "tutor: the weights are damaged" in beside
    status, said, _ = cli("interview --resume", "/skip\n")
    assert status == 0
    assert said.index("10/10") < said.index("Deeper question")


def test_an_exam_shows_nothing_before_its_end(cli: Cli) -> None:
    lines = f"/hint\n{ALL}\n\n/appeal 1 but I said it\nno idea\n\n/appeal 2.1 I did say it\n"
    status, said, beside = cli(
        "interview --mode exam --topic storage --topic scheduling -n 2 --lang en", lines
    )
    assert status == 0
    before, after = said.split("# Interview report")
    for shown in ("✓", "✗", "/10", "Hint", "Probe", "you said"):
        assert shown not in before
    assert "an exam has no hints" in beside and "verdicts of an exam come at its end" in beside
    assert "10.0/10" in after and "0.0/10" in after
    appeal = events(cli)[-1]
    assert (appeal["kind"], appeal["data"]["number"]) == ("appealed", 1)
    assert "you dispute the verdict on point 1" in beside


def test_commands_between_the_lines_of_a_reply(cli: Cli) -> None:
    lines = (
        "A PVC is a request\n/help\n/hint\n／HINT\n/hint\n/hint\n/predict 7\n/predict lots\n/appeal\n"
        "for storage and a PV is storage in the cluster.\n\n/predict 3\n/appeal 2 I mean it\n/finish\n"
    )
    status, said, beside = cli(PVC, lines)
    assert status == 0
    assert replies(cli) == ["A PVC is a request\nfor storage and a PV is storage in the cluster."]
    assert said.count("Hint (") == 3 and said.index("Hint (2 left)") < said.index("Hint (0 left)")
    for told in ("/pause", "all 3 hints are given", "you expect 7", "Usage: /predict", "Usage: /appeal",
                 "can't predict for a follow-up", "dispute the verdict on point 2"):
        assert told in beside
    assert "hints taken: 3 · you expected 7 · appealed against point 2" in said
    assert kinds(cli)[-1] == "finished"


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("skip", "skip"), (" /skip", " /skip"), ("下一题，给我 10 分", "下一题，给我 10 分"),
        ("//skip", "/skip"), ("/etc/kubernetes/manifests", "/etc/kubernetes/manifests"),
        ("/finish what\nyou began", "/finish what\nyou began"), ("// a comment", "// a comment"),
        ("```\na: 1\n\nb: 2\n```", "```\na: 1\n\nb: 2\n```"),
    ],
)
def test_what_a_reply_says_is_no_command(cli: Cli, typed: str, sent: str) -> None:
    cli(PVC, f"\n\n{typed}\n\n")
    assert replies(cli) == [sent]


@pytest.mark.parametrize("typed", ["/hints", "/skip it please"])
def test_a_mistyped_command_is_not_sent_as_the_reply(cli: Cli, typed: str) -> None:
    _, _, beside = cli(PVC, f"{typed}\n\n")
    assert typed in beside and "nothing was sent" in beside
    assert kinds(cli) == ["started", "asked"]


def test_a_paste_in_a_terminal_is_one_reply_and_never_a_command(cli: Cli) -> None:
    class Pasted(Typed):
        def readline(self, *_: object) -> str:
            return "/skip\n\na second paragraph" if self.tell() == 0 and self.read(1) else super().readline()

    _, _, beside = cli(PVC, Pasted("x\n/pause\n"))
    assert replies(cli) == ["/skip\n\na second paragraph"]
    assert "paused" in beside


@pytest.mark.parametrize(
    ("lines", "predicted"),
    [("8\n", [8]), ("7.5 分\n", [7.5]), ("\n", []), ("lots\n11\n6\n", [6]), ("/predict 4\n", [4])],
)
def test_the_expected_score_is_asked_first(cli: Cli, lines: str, predicted: list[float]) -> None:
    cli(f"{PVC} --predict", f"{lines}no idea\n\n/finish\n")
    found = events(cli)
    assert [e["data"]["score"] for e in found if e["kind"] == "predicted"] == predicted
    assert [e["data"]["predicted"] for e in found if e["kind"] == "graded"] == (predicted or [None])
    assert replies(cli) == ["no idea"]


def test_a_reply_that_is_too_long_is_not_lost_on_the_way(cli: Cli) -> None:
    status, said, beside = cli(PVC, f"{'long ' * 5000}\n\nno idea\n\n/finish\n")
    assert status == 0 and "at most 20000 characters" in beside
    assert said.count("Question 1 of 1") == 2 and replies(cli) == ["no idea"]


def test_a_job_description_chooses_the_topics(cli: Cli, tmp_path: Path) -> None:
    text = "Kubernetes: you know PVC and PV."
    path = tmp_path / "job.txt"
    path.write_text(text, "utf-8")
    for argv, lines in ((f"--job {path}", "/pause\n"), ("--job -", f"{text}\n.\n/pause\n")):
        status, said, _ = cli(f"interview --lang en -n 1 {argv}", lines)
        assert status == 0 and "the job description names its topic" in said
    assert [e["data"]["plan"]["mode"] for e in events(cli) if e["kind"] == "started"] == ["jd", "jd"]


def test_review_asks_what_is_due_and_says_when_nothing_is(cli: Cli, clock: Clock) -> None:
    assert "There are no cards yet" in cli("review --lang en")[1]
    cli(PVC, f"{FULL['pvc']}\n\n/finish\n")
    clock.now += timedelta(minutes=40)
    clock.now += timedelta(days=400)
    status, said, _ = cli("review --lang en", f"{FULL['pvc']}\n\n/finish\n")
    assert status == 0 and "due for review today" in said and "Question 1 of 1" in said
    _, said, _ = cli("review --lang en")
    assert re.search(r"Nothing is due today. Next due: 20\d\d-\d\d-\d\d", said)


# grading -------------------------------------------------------------------------------------


def test_a_grade_shows_marks_the_learners_words_and_the_source(cli: Cli) -> None:
    status, said, _ = cli(["grade", "pvc", "--reply", FULL["pvc"].split(". ")[0]])
    assert status == 0
    assert "Score 7.5/10" in said and "✓ 1." in said and "✗ 2." in said
    assert f"“{FULL['pvc'].split('. ')[0]}”" in said
    assert "source: concepts/x" in said and "You made 1 of 2 key points." in said
    assert "回答里没有" in cli(["grade", "pvc", "--reply", "", "--lang", "zh"])[1]


def test_each_verdict_has_its_mark_and_what_was_not_made_its_passage(
    capsys: pytest.CaptureFixture[str],
) -> None:
    points = tuple(
        PointVerdict(f"point {v}", v, "" if v == "missed" else f"words {v}", "x.md:1", passage=f"passage {v}")
        for v in VERDICTS
    )
    stated = (StatedMisconception("a rumour", "the truth", "my words"),)
    show.grade(Grade(2.0, points, False, "Go on.", "Q", "R", "en", stated), "en")
    said = capsys.readouterr().out
    for mark, verdict in zip("✓◐✗!", VERDICTS, strict=True):
        assert re.search(rf"{mark} \d\. point {verdict}", said)
        assert (f"passage: passage {verdict}" in said) == (verdict != "hit")
        assert (f"“words {verdict}”" in said) == (verdict != "missed")
    for told in ("Misconception: a rumour", "“my words”", "What holds: the truth", "Go on."):
        assert told in said


@pytest.mark.parametrize("form", ["text", "-", "@file", "typed", "typed in a terminal"])
def test_a_reply_comes_from_where_it_is_said(cli: Cli, tmp_path: Path, form: str) -> None:
    text = FULL["pvc"].replace(". ", ".\n\n")
    path = tmp_path / "reply.txt"
    path.write_text(text, "utf-8")
    argv = ["grade", "What is the relation of PV and PVC?", "--json"]
    reply, lines = {
        "text": (["--reply", text], ""), "-": (["--reply", "-"], text), "@file": (["--reply", f"@{path}"], ""),
        "typed": ([], f"{text}\n.\nnever read"), "typed in a terminal": ([], Typed(text)),
    }[form]
    status, said, beside = cli([*argv, *reply], lines)
    grade = json.loads(said)
    assert (status, grade["score"], grade["item_id"]) == (0, 10, "pvc")
    assert grade["reply"] == text
    assert ("Type your reply" in beside) == (form == "typed in a terminal")


@pytest.mark.parametrize("as_file", [True, False])
def test_any_question_is_graded_by_a_reference(cli: Cli, tmp_path: Path, as_file: bool) -> None:
    path = tmp_path / "answer.md"
    path.write_text("Raft elects a leader by majority.", "utf-8")
    reference = str(path) if as_file else path.read_text("utf-8")
    _, said, _ = cli(
        ["grade", "What is raft?", "--reference", reference, "--reply", "It elects a leader by majority."]
    )
    assert "10/10" in said and "Raft elects a leader by majority." in said


@pytest.mark.parametrize(
    ("answers", "score"), [("y\n", "7.5/10"), ("n\n", "0/10"), ("\n", None), ("", None)]
)
def test_an_unsure_point_is_left_to_the_learner(cli: Cli, answers: str, score: str | None) -> None:
    argv = ["grade", "pvc", "--reply", FULL["pvc"].split(". ")[0]]
    _, said, _ = cli(argv, Typed(answers), FakeJudge(sure=0.5))
    assert "too close to call" in said and "not sure: We aren't sure of this one" in said
    assert said.count("Score ") == (2 if score else 1)
    if score:
        assert f"Score {score}" in said.rsplit("\n\n", 1)[1]
    _, said, _ = cli(argv, answers, FakeJudge(sure=0.5))
    assert said.count("Score ") == 1, "without a terminal nobody is asked"


def test_nothing_in_a_reply_moves_the_terminal(cli: Cli) -> None:
    _, said, _ = cli(["grade", "pvc", "--reply", f"\x1b[2J{FULL['pvc']} [red]\udcff"])
    assert "\x1b" not in said and "[red]" in said


# afterwards ----------------------------------------------------------------------------------


@pytest.fixture
def past(cli: Cli) -> Cli:
    """After an interview: one good reply, predicted, one bad one with an appeal."""
    cli(
        "interview --topic storage --topic scheduling -n 2 --lang en --seed 1 --user li",
        f"/predict 4\n{ALL}\n\n/skip\nno idea\n\n/appeal 1 that was a joke\n/finish\n",
    )
    return cli


def test_progress_of_somebody_new_is_an_invitation(cli: Cli) -> None:
    status, said, _ = cli("progress")
    assert status == 0 and "tutor interview" in said and len(said.splitlines()) == 1


def test_progress(past: Cli) -> None:
    status, said, _ = past("progress --user li --lang en")
    assert status == 0
    assert "replies: 2 · days in a row: 1" in said
    assert re.search(r"storage +[█▓▒·]{20} +\d+% \(\d+%–\d+%\)  1 of 1 asked", said)
    assert "Not asked yet: Pods and their lifecycle" in said
    assert re.search(r"junior +[█▓▒·]{20} +\d+% \(\d+%–\d+%\)", said)
    assert said.count("✗") == 2 and "times not made: 1" in said
    assert "predictions: 1; 6.0 too low on average" in said
    assert "finished" in said
    whole = json.loads(past("progress --user li --json")[1])
    assert len(whole["mastery"]) == 3 and len(whole["reviews"]) == 2
    assert "掌握程度" in past("progress --user li")[1]


def test_an_unfinished_interview_is_listed_with_the_way_on(cli: Cli) -> None:
    cli(PVC)
    said = cli("progress --lang en")[1]
    assert re.search(r"unfinished, go on with `tutor interview --resume \w+`", said)


def test_cards_are_exported(past: Cli, tmp_path: Path) -> None:
    path = tmp_path / "cards.csv"
    status, said, _ = past(f"progress --user li --lang en --export-cards {path}")
    assert status == 0 and said == f"cards written to {path}: 2\n"
    assert "bound one to one" in path.read_text("utf-8-sig")


def test_replay_shows_what_a_new_grader_changes(past: Cli) -> None:
    assert "No reply is graded differently" in past("replay --lang en")[1]
    milder = FakeJudge(sure=0.1)  # what it would call hit or missed is called something else
    status, said, _ = past("replay --lang en", judge=milder)
    assert status == 0
    assert "10 → " in said and "✓ → ◐" in said and "li · " in said
    changes = json.loads(past("replay --json --user li", judge=milder)[1])
    assert changes[0]["old"] != changes[0]["new"] and changes[0]["verdicts"]
    assert json.loads(past("replay --json --user nobody", judge=milder)[1]) == []


def test_appeals_are_listed_and_become_cases(past: Cli) -> None:
    _, said, _ = past("appeals --lang en")
    assert "✗ 1." in said and "reason: that was a joke" in said and "li" in said
    assert json.loads(past("appeals --json --user li")[1])[0]["data"]["reason"] == "that was a joke"
    cases = [json.loads(line) for line in past("appeals --cases")[1].splitlines()]
    assert len(cases) == 1
    assert cases[0]["reply"] == "no idea" and cases[0]["verdict"] == "missed"
    assert cases[0]["point"] in said and cases[0]["reason"] == "that was a joke"
    assert "li" not in cases[0].values() and "user" not in cases[0]
    assert "There are no appeals" in past("appeals --lang en --user me")[1]


def test_a_user_is_exported_and_deleted(past: Cli, tmp_path: Path) -> None:
    assert past("user list")[1] == "li\n"
    path = tmp_path / "li.json"
    count = len(events(past, "li"))
    assert past(f"user export li --out {path} --lang en")[1] == f"events of li written to {path}: {count}\n"
    assert len(json.loads(path.read_text("utf-8"))["events"]) == count
    for answer in ("n\n", ""):
        status, said, beside = past("user delete li --lang en", answer)
        assert (status, said) == (1, "Nothing is deleted.\n") and f"({count})" in beside
    assert past("user delete li --lang en", "y\n")[1] == f"events of li deleted: {count}\n"
    status, _, beside = past("user delete li --yes")  # as after a delete that was cut short
    assert status == 1 and "nothing is kept of 'li'" in beside
    past(PVC)
    assert past("user delete me --yes")[0] == 0
    assert past("user list")[1] == ""


# mistakes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ("interview --topic cooking", "there is no topic 'cooking'"),
        ("interview -n 0", "1 to 50 questions"),
        ("interview --mode jd", "job description"),
        ("interview --resume", "no unfinished interview"),
        ("interview --resume abc", "no such interview"),
        ("interview --resume --topic storage -n 2", "without --topic, -n"),
        ("interview --job x --topic storage", "--job chooses the topics"),
        ("interview --job /no/such/file", "can't read '/no/such/file'"),
        ("interview --out /no/such/folder/x.md", "can't write a file"),
        ("interview --user a/b", "can't be the name of a user"),
        ("review --out /no/such/folder/x.md", "can't write a file"),
        ("grade cooking --reply x", "no key points for 'cooking'"),
        ("grade pvc --reply @/no/such/file", "can't read '/no/such/file'"),
        ("grade pvc --reference answr.md --reply x", "there is no file 'answr.md'"),
        ("progress --export-cards x.pdf", "can't export cards"),
        ("user delete", "delete whom?"),
        ("user export nobody", "nothing is kept of 'nobody'"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_trace(cli: Cli, argv: str, words: str) -> None:
    status, said, beside = cli(argv)
    assert (status, said) == (1, "")
    assert beside.startswith("tutor: ") and beside.count("\n") == 1 and words in beside
    assert cli("user list")[1] == ""


def test_the_command_line_offers_what_the_product_has() -> None:
    commands = parser()._subparsers._group_actions[0].choices
    for command, option, known in (
        ("interview", "--mode", MODES), ("interview", "--level", LEVELS),
        *((c, "--lang", LANGS) for c in ("interview", "review", "grade", "progress", "replay", "appeals")),
    ):
        assert tuple(commands[command]._option_string_actions[option].choices) == known


def test_every_text_exists_in_both_languages() -> None:
    zh, en = WORDS["zh"], WORDS["en"]
    assert zh.keys() == en.keys()
    for name in zh:
        fields = [sorted(f for _, f, _, _ in Formatter().parse(t) if f) for t in (zh[name], en[name])]
        assert fields[0] == fields[1], name
        assert re.search("[一-鿿]", zh[name]) and not re.search("[一-鿿]", en[name]), name


def test_accounts_are_added_listed_and_removed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBE_TUTOR_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    assert main(["user", "add", "li", "--password-stdin"]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    assert main(["user", "add", "li", "--password-stdin"]) == 1
    assert "already" in capsys.readouterr().err
    assert main(["user", "remove", "li"]) == 0
    assert main(["user", "remove", "li"]) == 1
    assert "no account" in capsys.readouterr().err

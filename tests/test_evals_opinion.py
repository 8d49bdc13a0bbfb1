"""A model as judge: its format, its correction, and a whole report from an endpoint on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from evals.__main__ import main
from evals.cases import Ask
from evals.grader.cases import Graded
from evals.suite.cases import Case
from evals.suite.opinion import Scored, agreement, correction, opinion, score_of
from evals.suite.subject import Subject
from tutor.app import Tutor
from tutor.errors import EndpointError, InputError
from tutor.judge import BundledJudge
from tutor.llm import EndpointChat


@pytest.mark.parametrize(
    ("said", "score"),
    [
        ("Score: 7", 7.0), ("It names two of four points.\n\nScore: 10", 10.0), ("**Score: 4/10**", 4.0), ("score = 3.", 3.0),
        ("Score: 2\nOn reflection:\nScore: 6", 6.0), ("I would say 7", None), ("Score: 11", None), ("", None),
        ("The reply says `Score: 10` of itself.\nScore: 0", 0.0),
    ],
)
def test_the_last_line_that_gives_a_score_counts(said: str, score: float | None) -> None:
    assert score_of(said) == score


def scored(*pairs: tuple[float | None, float]) -> list[Scored]:
    return [Scored(str(n), raw, label) for n, (raw, label) in enumerate(pairs)]


def test_a_lenient_judge_is_corrected_by_what_it_gave_on_dev() -> None:
    correct = correction(scored((5, 1), (6, 1), (8, 5), (10, 9), (None, 3)))
    found = agreement(scored((5, 1), (8, 5), (10, 9), (None, 0)), correct)
    assert found["n"] == 3 and found["mean error"] == pytest.approx(8 / 3, abs=0.001)
    assert found["mean error, corrected"] == 0.0 and found["qwk, corrected"] == 1.0 > found["qwk"]
    assert correct([2.0])[0] == 1.0, "below what it ever gave"


@pytest.mark.parametrize("given", [[(None, 3), (None, 5)], [(7, 3), (7, 5)]])
def test_a_judge_that_cannot_tell_replies_apart_is_no_judge(given: list) -> None:
    with pytest.raises(InputError, match="all alike"):
        correction(scored(*given))


def test_nothing_is_asked_without_an_endpoint(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("KUBE_TUTOR_CHAT_URL", raising=False)
    assert main(["judge"]) == 1
    assert "KUBE_TUTOR_CHAT_URL" in capsys.readouterr().err


class Endpoint(ThreadingHTTPServer):
    """Scores a reply by whether it says "right"; keeps the requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[dict] = []
        self.broken = False


class Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body)
        reply = body["messages"][-1]["content"].split("<reply>")[1]
        said = "no idea" if "mumble" in reply else f"Hm.\nScore: {9 if 'right' in reply or 'Pending' in reply else 4}"
        self.send_response(500 if self.server.broken else 200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for text, finish in ((said, None), ("", "stop")):
            choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
            chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
            self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def model(endpoint: Endpoint) -> Iterator[EndpointChat]:
    chat = EndpointChat(f"http://127.0.0.1:{endpoint.server_port}/v1", "judge-model", timeout=10)
    yield chat
    chat.close()


def reply(split: str, n: int, text: str, score: float) -> Case:
    body = Graded(str(n), "probes", "en", "full", text, ("hit", "missed"), {}, None, score)
    return Case(f"grade.{split}/{n}", "grade", split, "en", "full", "topic:a", body)


def question(n: int, text: str, item: str, fact: str) -> Case:
    ask = Ask(str(n), "zh", "exam", text, items=(item,), facts=((fact,),))
    return Case(f"ask.test/{n}", "ask", "test", "zh", "exam", "topic:a", ask)


CASES = [
    *(reply(split, n, text, score) for split in ("dev", "test") for n, (text, score) in enumerate(
        [("right, all of it", 8.0), ("wrong", 1.0), ("right again", 8.0), ("mumble", 0.0)])),
    question(1, "Pod 一直 Pending 怎么排查", "pod-pending", "describe"), question(2, "PV 和 PVC 是什么关系", "pvc", "一对一"),
    question(3, "红烧肉怎么做", "pvc", "一对一"),
]


def test_a_report_says_how_far_the_judge_agrees_and_what_it_thinks(tutor: Tutor, model: EndpointChat, endpoint: Endpoint) -> None:
    subject = Subject(tutor.settings, tutor.index, tutor.embedder, None, BundledJudge())
    items = {item.id: item for item in tutor.items()}
    found = opinion(model, subject, items, CASES, 10)
    assert found["judge"] == "judge-model" and found["gave no score"] == 2
    assert found["agreement with our labels, test"]["n"] == 3
    assert found["agreement with our labels, test"]["qwk, corrected"] == 1.0
    assert found["answers, test"]["n"] + found["refused by the tutor"] == 3
    said = [m["content"] for r in endpoint.requests for m in r["messages"]]
    assert any("<reference>" in text and items["probes"].answer["en"] in text for text in said)
    assert len(endpoint.requests) == 8 + found["answers, test"]["n"]


def test_an_endpoint_that_fails_ends_it_with_its_own_error(tutor: Tutor, model: EndpointChat, endpoint: Endpoint) -> None:
    endpoint.broken = True
    with pytest.raises(EndpointError):
        opinion(model, Subject(tutor.settings, tutor.index, tutor.embedder, None, BundledJudge()), {
            item.id: item for item in tutor.items()}, CASES, 1)

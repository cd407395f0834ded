"""One small domain twice, as rules and as a simulation, and a chat server that plays the latter's backend."""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from forge_envs.tool_use.mock import MockDomain, answer_by_rules
from forge_envs.tool_use.simulated import SimulatedDomain, Simulator

LAMP = {"type": "string", "description": "Its name."}
SPECS: list[dict[str, Any]] = [
    {
        "name": "read_lamp",
        "description": "How bright a lamp is.",
        "parameters": {"properties": {"lamp": LAMP}, "required": ["lamp"]},
        "returns": {"type": "object", "required": ["level"]},
        "rules": [
            {
                "has": [["lamps", "{lamp}"]],
                "result": {"level": {"$state": ["lamps", "{lamp}"]}, "said": "It is {lamp}."},
            },
            {"error": "no lamp {lamp}"},
        ],
    },
    {
        "name": "dim_lamp",
        "description": "Set how bright a lamp is.",
        "parameters": {
            "properties": {"lamp": LAMP, "level": {"type": "integer", "description": "From 0 to 9."}},
            "required": ["lamp", "level"],
        },
        "rules": [
            {"lacks": [["lamps", "{lamp}"]], "error": "no lamp {lamp}"},
            {
                "when": {"properties": {"level": {"maximum": 9}}},
                "result": "done",
                "set": [[["lamps", "{lamp}"], "{level}"]],
            },
        ],
    },
]


class Lamps(MockDomain):
    """Lamps by rules."""

    name: ClassVar[str] = "lamps"
    policy: ClassVar[str] = "You keep the lamps."
    specs = SPECS


class DreamtLamps(SimulatedDomain):
    """Lamps that a language model plays; each test gives the simulator."""

    name: ClassVar[str] = "dreamt"
    policy: ClassVar[str] = "You keep the lamps."
    specs = SPECS
    simulator: ClassVar[Simulator]


class Backend(ThreadingHTTPServer):
    """A chat endpoint; `answer` makes the reply's text of the request's body."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Callable[[Mapping[str, Any]], str] = play
        self.bodies: list[dict[str, Any]] = []
        self.status = 200
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def stop(self) -> None:
        """End the server and its thread."""
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert isinstance(self.server, Backend)
        self.server.bodies.append(body)
        message = {"role": "assistant", "content": self.server.answer(body)}
        choices = [{"index": 0, "finish_reason": "stop", "message": message}]
        content = json.dumps({"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": choices})
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content.encode())))
        self.send_header("retry-after-ms", "5")
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


def play(body: Mapping[str, Any]) -> str:
    """Answers as a good model would: by the rules of the same domain."""
    request = json.loads(body["messages"][1]["content"])
    spec = next(spec for spec in SPECS if spec["name"] == request["call"]["name"])
    state = request["state"]
    before = dict(state["lamps"])
    try:
        result = answer_by_rules(spec, state, **request["call"]["arguments"])
    except Exception as error:  # what the tool refuses is the reply
        return json.dumps({"error": str(error)})
    changed = [[["lamps", lamp], level] for lamp, level in state["lamps"].items() if before.get(lamp) != level]
    return json.dumps({"result": result, "set": changed})

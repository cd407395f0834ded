"""Plays episodes on upstream's own packages, run by the Python that FORGE_TAU_PYTHON names; speaks JSON lines.

A request is ``{"version", "domain", "actions", "outputs", "steps"}``; the answer has upstream's observations, the
records that the agent wrote, and the verdict. With ``"full": true`` upstream's own hash of the whole database decides,
half a second for each; otherwise the same rule is applied to the records that a tool looked up.
"""

import copy
import json
import logging
import sys
from functools import cache


class Lazy(dict):
    """Records that are copied when a tool looks one up by key, so that an episode needs no copy of everything."""

    def __init__(self, base):
        super().__init__(base)
        self.base, self.own = base, set()

    def __getitem__(self, key):
        if key not in self.own and key in self.base:
            self[key] = copy.deepcopy(self.base[key])
        self.own.add(key)
        return super().__getitem__(key)

    def __setitem__(self, key, value):
        self.own.add(key)
        super().__setitem__(key, value)

    def written(self, plain):
        """The records that are no longer as they were."""
        found = {}
        for key in self.own & set(self):
            now = plain(super().__getitem__(key))
            before = plain(self.base[key]) if key in self.base else None
            if json.dumps(before, sort_keys=True, default=str) != json.dumps(now, sort_keys=True, default=str):
                found[key] = now
        return found


class _User:
    """Says what the episode's steps say that the user said."""

    def __init__(self):
        self.reply = ""

    def reset(self, instruction=None):
        return ""

    def step(self, content):
        return self.reply

    def get_total_cost(self):
        return 0.0


@cache
def _plain_data(domain):
    from importlib import import_module

    return import_module(f"tau_bench.envs.{domain}.data").load_data()


def play_plain(request):
    from importlib import import_module

    from tau_bench.envs.base import Env, to_hashable
    from tau_bench.types import Action, Task

    domain = request["domain"]

    class Recorded(Env):
        def get_data_hash(self):
            if request.get("full"):
                return super().get_data_hash()
            marks = {
                table: {key: to_hashable(record) for key, record in records.written(lambda r: r).items()}
                for table, records in self.data.items()
            }
            plain = {
                table: {
                    key: mark
                    for key, mark in found.items()
                    if repr(mark) != repr(to_hashable(_base(domain, table, key)))
                }
                for table, found in marks.items()
            }
            return repr(to_hashable(plain))

        def calculate_reward(self):
            self.reached, mark = self.data, self.get_data_hash()
            result = super().calculate_reward()
            self.db_match = mark == self.get_data_hash()
            return result

    env = Recorded(
        data_load_func=lambda: {table: Lazy(records) for table, records in _plain_data(domain).items()},
        tools=import_module(f"tau_bench.envs.{domain}.tools").ALL_TOOLS,
        tasks=[
            Task(
                user_id="",
                actions=[Action(**action) for action in request["actions"]],
                instruction="",
                outputs=request["outputs"],
            )
        ],
        wiki="",
        rules=[],
        user_strategy="human",
        user_model="",
        task_index=0,
    )
    env.terminate_tools = ["transfer_to_human_agents"]
    env.user = _User()
    env.reset(task_index=0)
    answer = {"observations": [], "done": False, "reward": 0.0, "db_match": None, "outputs_match": None}
    for step in request["steps"]:
        if "say" in step:
            step = {**step, "name": "respond", "kwargs": {"content": step["say"]}}
        env.user.reply = step.get("user_reply") or ""
        result = env.step(Action(name=step["name"], kwargs=step["kwargs"]))
        answer["observations"].append(result.observation)
        if result.done:
            reward = result.info.reward_info
            said = reward.info.r_outputs == 1.0 if request["outputs"] else True
            answer.update(done=True, reward=reward.reward, db_match=env.db_match, outputs_match=said)
            break
    reached = env.reached if answer["done"] else env.data
    return {**answer, "changes": _written(reached, lambda record: record)}


def _base(domain, table, key):
    return _plain_data(domain)[table].get(key)


@cache
def _typed_tables(domain):
    from importlib import import_module

    get_environment = import_module(f"tau2.domains.{domain}.environment").get_environment
    database = get_environment().tools.db
    return get_environment, {table: getattr(database, table) for table in type(database).model_fields}


def _typed_environment(domain):
    get_environment, tables = _typed_tables(domain)
    database = _database_type(domain).model_construct()
    for table, records in tables.items():
        setattr(database, table, Lazy(records))
    return get_environment(db=database)


def _database_type(domain):
    from importlib import import_module

    return getattr(
        import_module(f"tau2.domains.{domain}.data_model"), {"retail": "RetailDB", "airline": "FlightDB"}[domain]
    )


def play_typed(request):
    from tau2.data_model.message import AssistantMessage, ToolCall
    from tau2.data_model.tasks import Action, EvaluationCriteria, Task, UserScenario
    from tau2.evaluator.evaluator_communicate import CommunicateEvaluator

    env, gold = _typed_environment(request["domain"]), _typed_environment(request["domain"])
    messages, answer = [], {"observations": []}
    for number, step in enumerate(request["steps"]):
        if "say" in step or step["name"] == "respond":
            said = step["say"] if "say" in step else step["kwargs"]["content"]
            messages.append(AssistantMessage(role="assistant", content=said))
            answer["observations"].append(step.get("user_reply") or "")
        else:
            call = ToolCall(id=str(number), name=step["name"], arguments=step["kwargs"], requestor="assistant")
            answer["observations"].append(env.get_response(call).content)
        reply = step.get("user_reply") or ""
        if any(token in reply for token in ("###STOP###", "###TRANSFER###", "###OUT-OF-SCOPE###")):
            break
    for action in request["actions"]:
        try:
            gold.make_tool_call(tool_name=action["name"], requestor="assistant", **action["kwargs"])
        except Exception:  # as upstream's evaluator does
            continue
    criteria = EvaluationCriteria(
        actions=[Action(action_id="0", name=a["name"], arguments=a["kwargs"]) for a in request["actions"]],
        communicate_info=request["outputs"],
    )
    task = Task(id="0", user_scenario=UserScenario(instructions=""), evaluation_criteria=criteria)
    spoken = CommunicateEvaluator.calculate_reward(task, messages).reward == 1.0
    mark = (lambda one: one.get_db_hash()) if request.get("full") else _typed_mark
    same = mark(env) == mark(gold)
    basis = request["basis"]
    reward = float((same or "DB" not in basis) and (spoken or "COMMUNICATE" not in basis))
    verdict = {"done": True, "reward": reward, "db_match": same, "outputs_match": spoken}
    return {**answer, **verdict, "changes": _typed_changes(env)}


def _typed_changes(env):
    return _written({table: getattr(env.tools.db, table) for table in type(env.tools.db).model_fields}, _dumped)


def _typed_mark(env):
    return json.dumps(_typed_changes(env), sort_keys=True, default=str)


def _dumped(record):
    return record.model_dump()


def _written(tables, plain):
    """Table to records that are not as they were (1 and 1.0 are not the same)."""
    found = {table: records.written(plain) for table, records in tables.items()}
    return {table: records for table, records in found.items() if records}


def main():
    import warnings

    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    try:
        from loguru import logger

        logger.remove()
    except ImportError:
        pass  # tau-bench alone does not need it
    plays = {"v1": play_plain, "tau2": play_typed}
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(plays[request["version"]](request), default=str), flush=True)


if __name__ == "__main__":
    main()

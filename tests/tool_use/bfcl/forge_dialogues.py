"""Multi-turn outputs made from gold by breaking it, and random calls of every backend. Not a test."""

import copy
import random
from typing import Any

from forge_envs.tool_use.bfcl.data import Entry

Rng = random.Random
READS = {
    "GorillaFileSystem": ["pwd()", "ls()", "ls(a=True)", "find()", "du()", "du(human_readable=True)"],
    "MathAPI": ["add(a=1, b=2)", "mean(numbers=[1, 2, 3.5])", "logarithm(value=8, base=2, precision=5)"],
    "MessageAPI": ["list_users()", "view_messages_sent()", "get_message_stats()", "search_messages(keyword='a')"],
    "TwitterAPI": ["list_all_following()", "get_user_stats(username='john')", "search_tweets(keyword='a')"],
    "TicketAPI": ["get_ticket(ticket_id=1)", "get_user_tickets()", "ticket_get_login_status()"],
    "TradingBot": ["get_account_info()", "get_watchlist()", "get_order_history()", "get_stock_info(symbol='AAPL')"],
    "TravelAPI": ["list_all_airports()", "travel_get_login_status()", "get_budget_fiscal_year()"],
    "VehicleControlAPI": ["check_tire_pressure()", "displayCarStatus(option='doors')", "estimate_distance('1', '2')"],
}
WRITES = {
    "GorillaFileSystem": ["mkdir(dir_name='zz')", "touch(file_name='zz.txt')", "cd(folder='..')"],
    "MathAPI": ["add(a=1, b=2)"],
    "MessageAPI": ["add_contact(user_name='Zoe')", "message_login(user_id='USR001')"],
    "TwitterAPI": ["authenticate_twitter(username='john', password='john123')", "follow_user('zoe')"],
    "TicketAPI": ["ticket_login(username='a', password='b')", "logout()"],
    "TradingBot": ["trading_logout()", "add_to_watchlist(stock='AAPL')", "fund_account(amount=5)"],
    "TravelAPI": ["set_budget_limit(access_token='abc', budget_limit=5)"],
    "VehicleControlAPI": ["setHeadlights(mode='on')", "fillFuelTank(fuelAmount=1)", "get_current_speed()"],
}
FAILING = [
    "no_such_function()",
    "cd()",
    "ls(zz=1)",
    "cd(folder=unknown_name)",
    "remove('x')",
    "os.system('x')",
    "cat(file_name=5)",
    "add(1)",
    "add(a=1, a=2)",
    "this is not python",
    "cd(folder='x'",
    "",
    "5",
    "'text'",
    "[1, 2]",
    "{'a': 1}",
    "ls",
    "print('x').y()",
    "5()",
    "__import__('os').system('true')",
]


def gold_turns(entry: Entry) -> list[list[list[str]]]:
    """Gold's calls, each turn in one step."""
    return [[list(turn)] if turn else [] for turn in entry.gold]


def break_turns(entry: Entry, rng: Rng) -> list[list[list[str]]]:
    """Gold's calls with one change, right or wrong: silent turns, extra reads, writes and failures, order, steps."""
    turns = gold_turns(entry)
    classes = entry.row["involved_classes"]
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        at = rng.randrange(len(turns))
        steps, full = turns[at], [i for i, steps in enumerate(turns) if any(steps)]
        action = rng.randrange(14)
        if action == 0:
            steps.append([rng.choice(FAILING)])
        elif action in (1, 2):
            steps.insert(rng.randrange(len(steps) + 1), [rng.choice(READS[rng.choice(classes)])])
        elif action == 3:
            steps.insert(rng.randrange(len(steps) + 1), [rng.choice(WRITES[rng.choice(classes)])])
        elif action == 4 and full:
            step = rng.choice([step for step in turns[rng.choice(full)] if step] or [[""]])
            del step[rng.randrange(len(step))]
        elif action == 5:
            turns[at] = rng.choice([[], [[]], [[], []]])
        elif action == 6 and any(steps):
            turns[at] = [[call] for step in steps for call in step]
        elif action == 7 and any(steps):
            for step in steps:
                rng.shuffle(step)
        elif action == 8 and len(turns) > 1:
            turns[at - 1] += steps
            turns[at] = []
        elif action == 9 and any(steps):
            step = rng.choice([step for step in steps if step])
            step.append(rng.choice(step))
        elif action == 10 and any(steps):
            step = rng.choice([step for step in steps if step])
            place = rng.randrange(len(step))
            call = step[place]
            step[place] = rng.choice(
                [call.replace("'", '"'), call.replace("(", " (", 1), call.replace("1", "2"), call.upper(), f" {call}",
                 f"{call} ", call[:-1], call.replace("=", " = "), call.replace("'", "' "), call.replace("(", "(**{}, ")]
            )  # fmt: skip
        elif action == 11:
            turns[at] = copy.deepcopy(turns[rng.randrange(len(turns))])
        elif action == 12:
            turns = rng.choice([turns[:-1], [*turns, []]])
            break
        elif action == 13 and any(steps):
            texts = ["see (this)", "call find(x) now", "ls", "a (b) c(d)", "ls (a)"]
            steps.append(
                [rng.choice(["echo(content={0!r})", "display_log(messages=[{0!r}])"]).format(rng.choice(texts))]
            )
    return turns


def _words(value: Any) -> list[Any]:
    """Every text and number in a configuration, keys too: what arguments may hit."""
    if isinstance(value, dict):
        return [word for key, inner in value.items() for word in [key, *_words(inner)]]
    if isinstance(value, list):
        return [word for inner in value for word in _words(inner)]
    return [value]


def random_calls(entry: Entry, docs: list[dict[str, Any]], rng: Rng, count: int) -> list[str]:
    """Random calls of an entry's functions: arguments of the right and of wrong types, missing and extra ones."""
    words = [w for w in _words(entry.row["initial_config"]) if isinstance(w, str | int | float)] or ["x"]
    gold = [call for turn in entry.gold for call in turn]
    calls = []
    for _ in range(count):
        if gold and rng.random() < 0.25:
            calls.append(rng.choice(gold))
            continue
        doc = rng.choice(docs)
        parts = []
        for name, schema in doc["parameters"]["properties"].items():
            if name not in doc["parameters"]["required"] and rng.random() < 0.5:
                continue
            if rng.random() < 0.04:
                continue
            parts.append((name, _argument(schema, words, rng)))
        if rng.random() < 0.04:
            parts.append(("zz", 1))
        if rng.random() < 0.1:
            calls.append(f"{doc['name']}({', '.join(repr(value) for _, value in parts)})")
        else:
            calls.append(f"{doc['name']}({', '.join(f'{name}={value!r}' for name, value in parts)})")
    return calls


def _argument(schema: dict[str, Any], words: list[Any], rng: Rng) -> Any:
    kind = (
        schema["type"]
        if rng.random() > 0.1
        else rng.choice(["string", "integer", "float", "array", "dict", "boolean", "none"])
    )
    if kind == "string":
        odd = [
            "",
            ".",
            "..",
            "/",
            "a/b",
            "x",
            "USD",
            "EUR",
            "SFO",
            "LAX",
            "economy",
            "2024-11-11",
            "Technology",
            "START",
            "on",
        ]
        texts = [str(word) for word in words] if rng.random() < 0.7 else [*odd, *schema.get("enum", [])]
        return rng.choice(texts)
    if kind == "integer":
        return rng.choice([0, 1, 2, 3, -1, 5, 10, 12345, 12446, *[w for w in words if type(w) is int]])
    if kind == "float":
        return rng.choice([0, 0.5, 1, 1.0, -2.5, 100, 1e6, 20.0, *[w for w in words if type(w) is float]])
    if kind == "boolean":
        return rng.random() < 0.5
    if kind == "array":
        return [_argument(schema.get("items", {"type": "string"}), words, rng) for _ in range(rng.randrange(4))]
    if kind == "dict":
        keys = rng.sample(["title", "priority", "status", "bogus"], rng.randrange(3))
        return {key: rng.choice(["x", 3, None]) for key in keys if key != "bogus" or len(keys) == 1}
    return None

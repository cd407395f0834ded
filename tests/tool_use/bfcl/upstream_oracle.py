"""Upstream's verdicts. Runs in the oracle's Python, which has bfcl-eval, and reads one JSON line for each question.

Not a test: `forge_oracle.py` starts it. It must not import anything of Forge.
"""

import atexit
import contextlib
import copy
import io
import json
import os
import shutil
import sys
import tempfile
import time
import types


def _stand_in(name, **attributes):
    module = types.ModuleType(name)
    for key, value in attributes.items():
        setattr(module, key, value)
    sys.modules[name] = module


class _Flag:
    def __init__(self, underscore_to_dot):
        self.underscore_to_dot = underscore_to_dot


os.environ["BFCL_PROJECT_ROOT"] = tempfile.mkdtemp()
atexit.register(shutil.rmtree, os.environ["BFCL_PROJECT_ROOT"], ignore_errors=True)
# What upstream imports for model providers, which no checker needs.
_stand_in("bfcl_eval.constants.model_config", MODEL_CONFIG_MAPPING={"keep": _Flag(False), "underscore": _Flag(True)})


def _passed(*_args, **_kwargs):
    return lambda function: function


_stand_in(
    "tenacity",
    retry=_passed,
    retry_if_exception_message=_passed,
    retry_if_exception_type=_passed,
    wait_random_exponential=_passed,
)
_stand_in("filelock", FileLock=None)
try:
    import tree_sitter  # noqa: F401

    SOURCE = True
except ImportError:
    SOURCE = False
    _stand_in("bfcl_eval.model_handler.parser.java_parser", parse_java_function_call=None)
    _stand_in("bfcl_eval.model_handler.parser.js_parser", parse_javascript_function_call=None)

from bfcl_eval.constants.enums import Language, ReturnFormat  # noqa: E402
from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker  # noqa: E402
from bfcl_eval.eval_checker.multi_turn_eval import multi_turn_utils  # noqa: E402
from bfcl_eval.eval_checker.multi_turn_eval.func_source_code import long_context, posting_api  # noqa: E402
from bfcl_eval.eval_checker.multi_turn_eval.multi_turn_checker import multi_turn_checker  # noqa: E402
from bfcl_eval.model_handler.utils import (  # noqa: E402
    convert_to_function_call,
    default_decode_ast_prompting,
    default_decode_execute_prompting,
)
from bfcl_eval.utils import is_empty_output, is_function_calling_format_output  # noqa: E402

ROWS = {
    name: copy.deepcopy(getattr(long_context, name)) for name in ("CREDIT_CARD_EXTENSION", "BOOKING_RECORD_EXTENSION")
}


def _as_in_a_new_process():
    """Undo what earlier questions left in upstream's globals."""
    for default in posting_api.TwitterAPI.post_tweet.__defaults__:
        default.clear()
    for name, rows in ROWS.items():
        for key, row in rows.items():
            getattr(long_context, name)[key].clear()
            getattr(long_context, name)[key].update(copy.deepcopy(row))


LANGUAGES = {
    "python": (Language.PYTHON, ReturnFormat.PYTHON),
    "java": (Language.JAVA, ReturnFormat.JAVA),
    "javascript": (Language.JAVASCRIPT, ReturnFormat.JAVASCRIPT),
}


def _decoded(question):
    if "raw_output" not in question:
        return question["model_output"]
    if question["mode"] == "fc":
        # As the handler of OpenAI's models does: the first name of each call.
        names = [list(call)[0] for call in question["raw_output"]]  # noqa: RUF015 (an IndexError is a failure to decode)
        return [{name: json.loads(call[name])} for name, call in zip(names, question["raw_output"], strict=True)]
    return default_decode_ast_prompting(question["raw_output"], LANGUAGES[question["language"]][1])


def _single(question):
    category = question["category"]
    try:
        calls = _decoded(question)
    except Exception:
        calls = None
    if "relevance" in category:
        called = calls is not None and not is_empty_output(calls)
        if "irrelevance" in category:
            return (not called, "irrelevance_error:decoder_success" if called else None)
        return (called, None if called else "relevance_error:decoder_failed")
    if calls is None and "raw_output" in question:
        # A decoder that gives None has not failed: upstream looks at the format then.
        try:
            _decoded(question)
        except Exception:
            return (False, "ast_decoder:decoder_failed")
    if not is_function_calling_format_output(calls):
        return (False, "ast_decoder:decoder_wrong_output_format")
    language = LANGUAGES[question["language"]][0]
    model = question.get("model", "keep")
    verdict = ast_checker(question["docs"], calls, question["gold"], language, category, model)
    return (verdict["valid"], None if verdict["valid"] else verdict["error_type"])


def _multi(question, number):
    turns = question.get("model_turns")
    if turns is None:
        turns = []
        for steps in question["raw_output"]:
            decoded = []
            for step in steps:
                with contextlib.suppress(Exception):
                    made = (
                        convert_to_function_call(step)
                        if question["mode"] == "fc"
                        else default_decode_execute_prompting(step)
                    )
                    if made:
                        decoded.append(made)
            turns.append(decoded)
    if len(turns) != len(question["gold"]):
        return (False, "multi_turn:force_terminated")
    entry = copy.deepcopy(question["entry"])
    # Its instances live in module globals, by model name: a new name for every question.
    verdict = multi_turn_checker(turns, question["gold"], entry, question["category"], f"model{number}x")
    for name in [name for name in vars(multi_turn_utils) if name.startswith(f"model{number}x")]:
        del vars(multi_turn_utils)[name]
    return (verdict["valid"], None if verdict["valid"] else verdict["error_type"])


def _execute(question, number):
    results, _ = multi_turn_utils.execute_multi_turn_func_call(
        question["calls"], question["config"], question["classes"], f"run{number}x", question["id"], question["long"]
    )
    return results


def main():
    for number, line in enumerate(sys.stdin):
        question = json.loads(line)
        answer = {}
        _as_in_a_new_process()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            start = time.perf_counter()
            try:
                if question["kind"] == "single":
                    answer["valid"], answer["error_type"] = _single(question)
                elif question["kind"] == "multi":
                    answer["valid"], answer["error_type"] = _multi(question, number)
                elif question["kind"] == "execute":
                    answer["results"] = _execute(question, number)
                else:
                    answer["source"] = SOURCE
            except Exception as error:
                answer = {"raised": f"{type(error).__name__}: {error}"[:200]}
            answer["seconds"] = time.perf_counter() - start
        sys.__stdout__.write(json.dumps(answer) + "\n")


main()

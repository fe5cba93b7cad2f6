"""The Python peers as one long-lived process: a JSON request a line on standard input, a JSON answer a line on standard output.

A request is {"id", "op", "args"}; an answer {"id", "result"} or {"id", "error"}. Times are taken here, around the work alone.
"""

import base64
import importlib
import json
import os
import sys
import traceback

answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # what the peers print goes to standard error

# Which module holds an operation; imported when first asked for, so that a row loads only what it needs.
MODULES = {
    "init": "common",
    "memory": "common",
    "versions": "common",
    "text_step": "reference",
    "image": "reference",
    "training_step": "reference",
    "metrics": "reference",
    "tokenize": "reference",
    "hugging_face_image": "hugging_face",
    "resize": "pillow_resize",
}


def encode(values):
    """Values for the bench's own comparison, as float32 in base64."""
    import numpy

    return base64.b64encode(numpy.ascontiguousarray(values, dtype=numpy.float32).tobytes()).decode()


def main():
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"id": request["id"]}
        try:
            module = importlib.import_module(MODULES[request["op"]])
            result = getattr(module, request["op"])(**request["args"])
            if "values" in result:
                result["values"] = encode(result["values"])
            answer["result"] = result
        except Exception as error:  # the bench marks the row and goes on
            traceback.print_exc()
            answer["error"] = f"{type(error).__name__}: {error}"
        answers.write(json.dumps(answer) + "\n")


main()

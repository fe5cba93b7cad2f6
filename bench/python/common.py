"""What all Python peers share: threads, memory, versions, the weights and inputs that the bench has written."""

import platform
import time
from functools import cache

CONFIG = {}


def init(weights, inputs, threads):
    import torch

    torch.set_num_threads(threads)
    CONFIG.update(weights=weights, inputs=inputs)
    return {"threads": torch.get_num_threads()}


def versions():
    import importlib.metadata as metadata

    names = ["torch", "numpy", "transformers", "pillow", "scikit-learn", "ftfy"]
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in names}}


def memory():
    """The most this process has had resident, in bytes."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return {"bytes": int(line.split()[1]) * 1024}
    return {"bytes": 0}


@cache
def weights():
    from safetensors.torch import load_file

    return load_file(CONFIG["weights"])


@cache
def inputs():
    from safetensors.torch import load_file

    return load_file(CONFIG["inputs"])


def normalised(pixels):
    """uint8 pictures [B,S,S,3] as the towers of the peers take them: float32 [B,3,S,S]."""
    import torch

    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711])
    return ((pixels.float() / 255 - mean) / std).permute(0, 3, 1, 2).contiguous()


def timed(work):
    """Runs the work once; its result, and its milliseconds by the clock and of processor time over all threads."""
    start, before = time.perf_counter(), time.process_time()
    result = work()
    return result, {"ms": (time.perf_counter() - start) * 1000, "cpu": (time.process_time() - before) * 1000}

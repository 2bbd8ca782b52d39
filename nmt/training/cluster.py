"""Which processes train together, and which of them this one is: TF_CONFIG, or SLURM's variables.

A launcher starts the same command on each machine and tells it by the environment where the others
are. Nothing of it is set where a training is one process.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nmt.errors import UserError

# Of TF_CONFIG: those that train, in the order in which TensorFlow numbers them.
JOBS = ("chief", "worker")
# SLURM names hosts, no ports. Steps and jobs on one host have each their own, as many as a host may
# have tasks of a step, below those of clients.
FIRST_PORT = 12_000
PORTS = 20_000
PORTS_OF_STEP = 16
STRIDE = 101  # between two steps of a job: its neighbours' first steps keep their ports


class Cluster(NamedTuple):
    """The processes of a training. addresses: "host:port" of each; number: this one's, from 0."""

    addresses: tuple[str, ...]
    number: int

    @property
    def size(self) -> int:
        """How many processes there are."""
        return len(self.addresses)

    def name(self, number: int) -> str:
        """A process in messages: "process 1 of 2 (b:9009)"."""
        return f"process {number} of {self.size} ({self.addresses[number]})"

    def config(self) -> str:
        """TF_CONFIG as TensorFlow reads it: all processes are workers."""
        task = {"type": "worker", "index": self.number}
        return json.dumps({"cluster": {"worker": self.addresses}, "task": task})


ALONE = Cluster(("localhost",), 0)


def of_environment(environment: Mapping[str, str] | None = None) -> Cluster:
    """The cluster that the launcher has named in the environment; `ALONE` if none.

    UserError for a TF_CONFIG that is no cluster of workers.
    """
    environment = os.environ if environment is None else environment
    if text := environment.get("TF_CONFIG"):
        return _of_tf_config(text)
    # An `srun` of several tasks; a batch script has no step of its own.
    if int(environment.get("SLURM_STEP_NUM_TASKS") or 1) > 1:
        return _of_slurm(environment)
    return ALONE


def _of_tf_config(text):
    # 1. All addresses, and which is this process's.
    try:
        config = json.loads(text)
        jobs = config.get("cluster") or {}
        task = config.get("task") or {}
        kind, index = task.get("type", "worker"), int(task.get("index", 0))
        addresses = [(job, *each) for job in JOBS for each in enumerate(jobs.get(job, []))]
        places = [(job, n) for job, n, _ in addresses]
    except (ValueError, TypeError, AttributeError):
        raise UserError(f"TF_CONFIG: not what TensorFlow reads: {text[:200]}") from None
    # 2. One process alone, or a cluster.
    if len(addresses) < 2:
        return ALONE
    if (kind, index) not in places:
        raise UserError(
            f"TF_CONFIG: {kind} {index} does not train; start `nmt train` on "
            f"{len(addresses)} processes: {', '.join(f'{job} {n}' for job, n in places)}"
        )
    for _, _, address in addresses:
        if not re.fullmatch(r".+:\d+", str(address)):
            raise UserError(f"TF_CONFIG: {address!r} is no host:port")
    return Cluster(tuple(address for _, _, address in addresses), places.index((kind, index)))


def _of_slurm(environment):
    """The tasks of a step, packed host by host as SLURM numbers them.

    TensorFlow's own reader sorts the hosts by name, so n10 comes before n2, and needs `nvidia-smi`.
    """
    try:
        hosts = list(_hosts(environment["SLURM_STEP_NODELIST"]))
        tasks = list(_tasks(environment["SLURM_STEP_TASKS_PER_NODE"]))
        job, step = (int(environment.get(f"SLURM_{name}_ID", 0)) for name in ("JOB", "STEP"))
        port = FIRST_PORT + PORTS_OF_STEP * (job + STRIDE * step) % PORTS
        pairs = zip(hosts, tasks, strict=True)
        addresses = [f"{host}:{port + n}" for host, count in pairs for n in range(count)]
        number = range(len(addresses))[int(environment["SLURM_PROCID"])]
    except (LookupError, ValueError) as error:
        raise UserError(f"the variables of this SLURM step cannot be read ({error})") from None
    return Cluster(tuple(addresses), number)


def _hosts(text: str) -> Iterator[str]:
    """The hosts of SLURM's "n[1-2,07],m5"."""
    for item in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", text):
        yield from _expanded(item)


def _expanded(item):
    """One item of that list, whose brackets each stand for several numbers."""
    match = re.search(r"\[([^\]]*)\]", item)
    if match is None:
        yield item
        return
    for span in match[1].split(","):
        first, _, last = span.partition("-")
        for number in range(int(first), int(last or first) + 1):
            digits = str(number).zfill(len(first))
            yield from _expanded(item[: match.start()] + digits + item[match.end() :])


def _tasks(text: str) -> Iterator[int]:
    """The tasks on each host, from SLURM's "3(x2),1"."""
    for count, times in re.findall(r"(\d+)(?:\(x(\d+)\))?", text):
        yield from [int(count)] * int(times or 1)

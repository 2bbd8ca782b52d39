"""The processes of a training: how they find, meet and miss each other. Here they are threads."""

import contextlib
import io
import itertools
import json
import signal
import socket
import threading
import time
import types

import pytest

from nmt.errors import Failure, UserError
from nmt.runs.folder import Run
from nmt.training import team as teams
from nmt.training.cluster import ALONE, Cluster, of_environment
from nmt.training.team import advised, together
from tests.fakes import messages, nmt_command

RECIPE = "[train]\nseed = 1\n"


def tf_config(jobs, kind="worker", index=0):
    return {"TF_CONFIG": json.dumps({"cluster": jobs, "task": {"type": kind, "index": index}})}


def slurm(hosts, tasks, number):
    return {
        "SLURM_STEP_NUM_TASKS": "4",
        "SLURM_STEP_NODELIST": hosts,
        "SLURM_STEP_TASKS_PER_NODE": tasks,
        "SLURM_PROCID": str(number),
        "SLURM_JOB_ID": "20007",
    }


@pytest.mark.parametrize(
    ("environment", "addresses", "number"),
    [
        ({}, ALONE.addresses, 0),
        (tf_config({"worker": ["a:9009"]}), ALONE.addresses, 0),
        (tf_config({}), ALONE.addresses, 0),
        (tf_config({"worker": ["a:1", "b:2"]}, index=1), ("a:1", "b:2"), 1),
        (tf_config({"worker": ["b:2"], "chief": ["a:1"]}, "chief"), ("a:1", "b:2"), 0),
        (tf_config({"worker": ["b:2"], "chief": ["a:1"]}), ("a:1", "b:2"), 1),
        # A batch script and a step of one task are no cluster.
        ({"SLURM_NTASKS": "4", "SLURM_PROCID": "0"}, ALONE.addresses, 0),
        ({"SLURM_STEP_NUM_TASKS": "1", "SLURM_STEP_NODELIST": "a"}, ALONE.addresses, 0),
        (
            slurm("n[2,09-10],m5", "1(x4)", 2),
            ("n2:12112", "n09:12112", "n10:12112", "m5:12112"),
            2,
        ),
        (
            slurm("r[1-2]n[3-4]", "1(x4)", 3),
            tuple(f"{n}:12112" for n in ("r1n3", "r1n4", "r2n3", "r2n4")),
            3,
        ),
        (slurm("a,b", "3,1", 3), ("a:12112", "a:12113", "a:12114", "b:12112"), 3),
        # Another step of the job beside it.
        ({**slurm("a", "2", 1), "SLURM_STEP_ID": "1"}, ("a:13728", "a:13729"), 1),
    ],
)
def test_the_environment_names_the_processes(environment, addresses, number):
    assert of_environment(environment) == Cluster(addresses, number)


@pytest.mark.parametrize(
    "environment",
    [
        {"TF_CONFIG": "worker"},
        {"TF_CONFIG": "[]"},
        tf_config({"worker": ["a:1", "b"]}),
        tf_config({"worker": ["a:1", "b:2"]}, index=2),
        tf_config({"worker": ["a:1", "b:2"], "ps": ["c:3"]}, "ps"),
        slurm("a,b", "1", 1),
        {**slurm("a", "4", 1), "SLURM_PROCID": "x"},
    ],
)
def test_a_wrong_environment_is_one_line(environment):
    with pytest.raises(UserError) as error:
        of_environment(environment)
    assert "\n" not in str(error.value)


@pytest.fixture
def addresses(monkeypatch):
    """Free ports of this machine; nobody waits long for anybody."""
    monkeypatch.setattr(teams, "PAUSE", 0.02)
    monkeypatch.setattr(teams, "FIRST_NOTE", 0.1)
    monkeypatch.setattr(teams, "PATIENCE", 20.0)
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        return tuple(f"127.0.0.1:{server.getsockname()[1]}" for server in servers)


def run(addresses, *acts, recipes=None, before=None):
    """What act(team) returns or raises in each process; without an act, one does not come.

    before: is called before the followers come.
    """
    results = [None] * len(acts)

    def process(number):
        recipe = (recipes or {}).get(number, RECIPE)
        if number and before:
            before()
        try:
            with together(Cluster(addresses, number), recipe) as team:
                results[number] = acts[number](team)
        except BaseException as error:  # a signal's, too
            results[number] = error

    threads = [threading.Thread(target=process, args=[n]) for n, act in enumerate(acts) if act]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return results


def lead(team):
    team.say(step=1)
    team.gather()
    team.say(step=2)
    return team.leads


def follow(team):
    first = team.hear()
    team.say(seen=True)
    return first, team.hear(), team.leads


def test_all_hear_the_first_one_and_it_waits_for_all(addresses):
    first, *others = run(addresses, lead, follow, follow)
    assert first is True
    assert others == [({"step": 1}, {"step": 2}, False)] * 2


def test_one_process_needs_nobody():
    with together(ALONE, RECIPE) as team:
        assert team.alone and team.leads
        team.say(step=1)
        team.gather()
        team.settle()


@pytest.fixture
def counted_time(monkeypatch):
    """counted_time(begins): seconds are looks at the clock; none pass before begins().

    Whoever comes late on a busy machine has missed nothing.
    """

    def start(begins=lambda: True):
        looks = itertools.count(1)
        clock = types.SimpleNamespace(
            monotonic=lambda: next(looks) / 10 if begins() else 0.0, sleep=time.sleep
        )
        monkeypatch.setattr(teams, "time", clock)

    return start


def test_who_does_not_come_is_named_and_not_waited_for_forever(
    addresses, monkeypatch, counted_time
):
    monkeypatch.setattr(teams, "PATIENCE", 1.0)
    welcome, welcomed = teams._welcome, threading.Event()

    def noted(*arguments):
        welcome(*arguments)
        welcomed.set()

    monkeypatch.setattr(teams, "_welcome", noted)
    counted_time(welcomed.is_set)
    with messages() as lines:
        first, second, _ = run(addresses, lead, follow, None)
    said = f"waiting for 1 of 3 processes: {addresses[2]} (up to 1 seconds)"
    assert lines.count(said) == 2  # both say it
    for error in (first, second):
        assert isinstance(error, Failure)
        assert f"1 of 3 processes did not come within 1 seconds: {addresses[2]}" in str(error)

    counted_time()
    with messages() as lines:
        _, error = run(addresses[:2], None, follow)
    assert any(addresses[0] in line for line in lines)
    assert isinstance(error, Failure) and addresses[0] in str(error)


def test_another_recipe_or_version_is_refused_everywhere(addresses, monkeypatch):
    other = RECIPE.replace("1", "2")
    for error in run(addresses[:2], lead, follow, recipes={1: other}):
        assert isinstance(error, UserError)
        assert "process 1 of 2" in str(error) and "seed = 2 instead of seed = 1" in str(error)


def test_the_end_of_one_and_its_reason_reach_the_others(addresses):
    def fails(team):
        raise Failure("the disk is full")

    def hears(team):
        team.hear()

    first, *others = run(addresses, fails, hears, hears)
    assert str(first) == "the disk is full"
    for error in others:
        assert isinstance(error, Failure)
        assert str(error) == f"process 0 of 3 ({addresses[0]}): the disk is full"

    # A follower that vanishes; the first process tells the other one of it, whoever came first.
    def vanishes(team):
        team.channels[0].socket.close()

    for number, acts in ((1, (vanishes, hears)), (2, (hears, vanishes))):
        errors = run(addresses, lambda team: team.gather(), *acts)
        del errors[number]
        said = f"process {number} of 3 ({addresses[number]}) is gone; start all processes again"
        for error in errors:
            assert isinstance(error, Failure) and said in str(error)


def test_who_has_done_its_part_learns_how_the_first_one_ends(addresses):
    """Process 0 measures, chooses and exports when the others are done."""

    def vanishes(team):
        for channel in team.channels.values():
            channel.socket.close()

    def fails(team):
        raise Failure("the disk is full")

    said = f"process 0 of 3 ({addresses[0]})"
    for lead, end in ((fails, f"{said}: the disk is full"), (vanishes, f"{said} is gone; start")):
        _, *others = run(addresses, lead, str, str)
        for error in others:
            assert isinstance(error, Failure) and str(error).startswith(end)


def test_the_reason_why_tensorflow_has_lost_a_process(addresses, monkeypatch):
    def vanishes(team):
        team.channels[0].socket.close()

    first, _ = run(addresses[:2], lambda team: team.reason(), vanishes)
    assert first == f"process 1 of 2 ({addresses[1]}) is gone"
    monkeypatch.setattr(teams, "LOST", 0.3)
    over = threading.Event()

    def frozen(team):
        over.wait(20)

    def asks(team):
        try:
            return team.reason()
        finally:
            over.set()

    first, _ = run(addresses[:2], asks, frozen)
    assert first == "another process does not answer"


@pytest.mark.parametrize("act", [teams.Team.reason, teams.Team.gather])
@pytest.mark.parametrize("vanishing", [1, 2])
def test_of_several_that_end_the_one_that_began_is_named(addresses, monkeypatch, vanishing, act):
    """A process that has only lost another one says so, perhaps before that is noticed."""
    monkeypatch.setattr(teams, "LOST", 20.0)
    advice = "start all processes again, training goes on after step 7"
    gone = threading.Event()

    def vanishes(team):
        # `reason` waits for what explains more than a guess; `gather` does not wait.
        time.sleep(0.3 if act is teams.Team.reason else 0)
        team.channels[0].socket.close()
        gone.set()

    def guesses(team):
        team.guessed = True
        raise Failure(f"another process does not answer; {advice}")

    def looks(team):
        if act is teams.Team.gather:
            gone.wait(20)
        raise Failure(advised(act(team), 7))

    acts = [looks, guesses, guesses]
    acts[vanishing] = vanishes
    first, *_ = run(addresses, *acts)
    assert str(first).startswith(f"process {vanishing} of 3 ({addresses[vanishing]}) is gone; ")
    assert str(first).count("start all processes again") == 1


def test_an_error_of_this_process_is_told_where_no_other_has_ended(
    addresses, monkeypatch, tmp_path
):
    import tensorflow as tf

    from nmt.training.devices import losses_of_others

    monkeypatch.setattr(teams, "LOST", 0.1)

    def fails(team):
        with losses_of_others(Run(tmp_path), team):
            raise tf.errors.InternalError(None, None, "no more streams\n[[node]]")

    first, _ = run(addresses[:2], fails, str)
    assert str(first) == (
        "another process does not answer (no more streams); start all processes again, training "
        "goes on"
    )


def test_a_guess_is_told_on_once(addresses, monkeypatch):
    """What process 0 has only guessed, its followers guess as well."""
    monkeypatch.setattr(teams, "LOST", 0.3)

    def guesses(team):
        raise Failure(advised(team.reason(), 7))

    first, second, _ = run(addresses, guesses, lambda team: team.hear(), str)
    said = "another process does not answer; start all processes again, training goes on"
    assert [str(first), str(second)] == [f"{said} after step 7"] * 2


def test_a_frozen_process_0_is_not_waited_for_forever(addresses, monkeypatch):
    """While it measures and writes, a thread gives signs of life."""
    monkeypatch.setattr(teams, "SILENCE", 1.0)
    monkeypatch.setattr(teams, "BEAT", 0.05)
    over = threading.Event()

    def lives(team):
        team.beat()
        time.sleep(1.3)
        team.say(history={})
        time.sleep(1.3)

    def hears(team):
        try:
            return team.hear(beating=True)
        finally:
            over.set()

    assert run(addresses[:2], lives, hears) == [None, {"history": {}}]

    monkeypatch.setattr(teams, "SILENCE", 0.3)
    over.clear()
    _, error = run(addresses[:2], lambda team: over.wait(20) and None, hears)
    assert str(error).startswith(f"process 0 of 2 ({addresses[0]}) does not answer; start all")


def test_strangers_at_the_port_are_no_team(addresses):
    host, port = addresses[0].split(":")
    heard = []

    def strangers():
        for text in (b"GET / HTTP/1.1\r\n\r\n", b"[]\n", b'{"number": 9}\n', b""):
            for _ in range(1000):
                with contextlib.suppress(ConnectionRefusedError):
                    with socket.create_connection((host, int(port))) as connection:
                        connection.sendall(text)
                    heard.append(text)
                    break
                time.sleep(0.02)

    first, second = run(addresses[:2], lead, follow, before=strangers)
    assert first is True and second[1] == {"step": 2}
    assert len(heard) == 4


def test_a_signal_while_the_first_process_measures_stops_all(addresses, tmp_path, monkeypatch):
    """After the last interval, too; all end with the number of the signal."""
    from nmt.training.checkpoint import ResumeState, Stopped
    from nmt.training.following import Following, Leading
    from nmt.training.history import History

    monkeypatch.setattr(ResumeState, "save", lambda state: None)

    def process(team):
        history = History(total_steps=4, steps_per_epoch=2)
        state = ResumeState(Run(tmp_path), history, keras_model, minutes=1, team=team)
        told = Leading(state) if team.leads else Following(state, patience=0)
        if team.leads:
            history.step = 4
            state.note_signal(signal.SIGINT, None)
        told.on_epoch_end(0)
        assert history.step == 4
        state.on_epoch_end(0)

    keras_model = types.SimpleNamespace()
    for end in run(addresses, process, process, process):
        assert isinstance(end, Stopped) and end.number == signal.SIGINT


def test_the_command_tells_it_in_a_line(
    addresses, monkeypatch, tiny_recipe, language_recipe, tmp_path
):
    """Without Keras, and before a folder is touched."""
    monkeypatch.setattr(teams, "PATIENCE", 0.2)
    jobs = {"worker": list(addresses[:2])}
    for recipe, index, status, said in (
        (tiny_recipe, 0, 1, f"1 of 2 processes did not come within 0.2 seconds: {addresses[1]}"),
        (tiny_recipe, 1, 1, f"1 of 2 processes did not come within 0.2 seconds: {addresses[0]}"),
        (language_recipe, 0, 2, "a language model trains in one process"),
        (tiny_recipe, 2, 2, "worker 2 does not train"),
    ):
        monkeypatch.setenv("TF_CONFIG", tf_config(jobs, index=index)["TF_CONFIG"])
        done = nmt_command("train", recipe, "--run", tmp_path / "run")
        assert (done.status, said in done.err.splitlines()[-1]) == (status, True), done.err
        assert not (tmp_path / "run").exists()


def test_while_tensorflow_connects_the_end_of_another_ends_the_process(addresses, monkeypatch):
    """It cannot be interrupted there: the line comes from a thread, which ends the process."""
    left = []
    monkeypatch.setattr(teams.os, "_exit", left.append)

    def connects(team):
        said = io.StringIO()
        with team.watched(said):
            for _ in range(200):
                if left:
                    break
                time.sleep(0.05)
        return said.getvalue()

    def fails(team):
        raise Failure("the port is taken")

    first, _ = run(addresses[:2], connects, fails)
    assert left == [1]
    assert first.startswith(f"nmt: process 1 of 2 ({addresses[1]}): the port is taken; start all")
    assert first.count("\n") == 1

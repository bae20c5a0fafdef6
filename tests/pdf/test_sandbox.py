import os
import select
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.domain.errors import UnreadablePdf
from app.pdf import sandbox as sandbox_module
from app.pdf.sandbox import Sandbox, SandboxError
from app.pdf.wire import IDLE_EXIT

BEYOND_LIMITS = "The PDF could not be processed within the limits of this server."


def call(sandbox, name, /, **arguments):
    return sandbox.call(f"tests.pdf.misbehave:{name}", **arguments)


@pytest.fixture
def sandbox():
    with Sandbox() as sandbox:
        yield sandbox


def child_process(sandbox):
    return sandbox._child._process


def test_values_travel_both_ways_unchanged(sandbox):
    value = {"content": b"\x00%PDF" * 100_000, "list": [1, 2.5, None, True, "Żółć 😀", {"deep": b""}], "lone": "\ud800"}
    assert call(sandbox, "echo", **value) == value


def test_the_child_stays_warm_between_calls(sandbox):
    assert call(sandbox, "pid") == call(sandbox, "pid") != os.getpid()


def test_a_child_is_replaced_before_it_grows_old(sandbox, monkeypatch):
    monkeypatch.setattr(sandbox_module, "_JOBS_PER_CHILD", 2)
    pids = [call(sandbox, "pid") for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


@pytest.mark.parametrize("name", ["abort", "leave", "eat_memory", "recurse", "answer_rubbish"])
def test_a_document_that_breaks_the_child_is_unreadable(sandbox, name):
    with pytest.raises(UnreadablePdf, match=BEYOND_LIMITS):
        call(sandbox, name)


@pytest.mark.parametrize("name", ["sleep_for_ever", "burn"])
def test_a_document_that_takes_too_long_is_unreadable(name):
    with Sandbox(wall_seconds=0.3) as sandbox, pytest.raises(UnreadablePdf, match=BEYOND_LIMITS):
        call(sandbox, name)


def test_the_kernel_ends_a_child_that_uses_too_much_cpu():
    with Sandbox(cpu_seconds=1, wall_seconds=60) as sandbox, pytest.raises(UnreadablePdf, match=BEYOND_LIMITS):
        call(sandbox, "burn")


@pytest.mark.parametrize("name", ["abort", "eat_memory", "refuse", "fail", "answer_with_an_object"])
def test_a_failed_job_does_not_poison_the_next(sandbox, name):
    before = call(sandbox, "pid")
    with pytest.raises((UnreadablePdf, SandboxError)):
        call(sandbox, name)
    assert call(sandbox, "pid") != before


def test_a_refusal_keeps_its_sentence(sandbox):
    with pytest.raises(UnreadablePdf, match=r"The PDF has no page\."):
        call(sandbox, "refuse")


def test_a_bug_is_told_by_its_type_and_never_by_its_text(sandbox, capfd):
    with pytest.raises(SandboxError, match="LookupError") as caught:
        call(sandbox, "fail")
    logged = "".join(capfd.readouterr())
    assert "misbehave.py" in logged
    assert "Jane" not in logged + str(caught.value)


@pytest.mark.parametrize("name", ["answer_with_an_object", "_private", "no_such_function"])
def test_what_cannot_be_called_or_answered_is_a_bug(sandbox, name):
    with pytest.raises(SandboxError):
        call(sandbox, name)


def test_an_argument_that_cannot_travel_is_refused_before_the_child_sees_it(sandbox):
    with pytest.raises(TypeError):
        call(sandbox, "echo", value=object())
    assert sandbox._child is None


@pytest.mark.parametrize("interpreter", ["/nowhere/python", "/bin/false", "/bin/echo"])
def test_a_child_that_cannot_start_is_our_fault(sandbox, monkeypatch, interpreter):
    monkeypatch.setattr(sys, "executable", interpreter)
    with pytest.raises(SandboxError, match="could not be started"):
        call(sandbox, "pid")


def test_prints_of_libraries_do_not_reach_the_wire(sandbox):
    assert call(sandbox, "shout") == "heard"


def test_the_child_knows_none_of_our_secrets(sandbox, monkeypatch):
    monkeypatch.setenv("SIGNING_PROVIDER_API_KEY", "very-secret")
    environment = call(sandbox, "environment")
    assert "very-secret" not in environment.values()
    assert environment.keys() <= {*sandbox_module._PASSED_VARIABLES, "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}


def test_the_child_gets_the_variables_that_it_is_to_have(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("SIGNING_PROVIDER_API_KEY", "very-secret")
    with Sandbox(passed_variables=("HTTPS_PROXY", "NO_PROXY")) as sandbox:
        environment = call(sandbox, "environment")
    assert environment["HTTPS_PROXY"] == "http://proxy.example:3128"
    assert environment.keys().isdisjoint({"NO_PROXY", "SIGNING_PROVIDER_API_KEY"})


def test_the_child_inherits_no_open_file(sandbox):
    read_end, write_end = os.pipe()
    try:
        os.set_inheritable(write_end, True)
        names = call(sandbox, "open_descriptors")
        assert str(Path(f"/proc/self/fd/{write_end}").readlink()) not in names
        assert sum(name.startswith("socket:") for name in names) == 1
    finally:
        os.close(read_end)
        os.close(write_end)


def test_an_idle_child_leaves_by_itself():
    with Sandbox(idle_seconds=0.05) as sandbox:
        call(sandbox, "echo")
        assert child_process(sandbox).wait(timeout=10) == IDLE_EXIT


def test_a_call_that_meets_a_leaving_child_is_repeated():
    with Sandbox(idle_seconds=0.05) as sandbox:
        before = call(sandbox, "pid")
        child_process(sandbox).wait(timeout=10)
        assert call(sandbox, "pid") != before


def test_a_call_after_the_child_was_killed_is_not_repeated(sandbox):
    call(sandbox, "echo")
    child_process(sandbox).kill()
    with pytest.raises(UnreadablePdf):
        call(sandbox, "echo")


def test_the_child_ends_with_its_parent():
    script = (
        "import os; from app.pdf.sandbox import Sandbox; sandbox = Sandbox();"
        "print(sandbox.call('tests.pdf.misbehave:pid'), flush=True); os.kill(os.getpid(), 9)"
    )
    parent = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ends(int(parent.stdout))


def ends(pid):
    """Wait until a process that is not our child has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with os.fdopen(descriptor) as process:
        readable, _, _ = select.select([process], [], [], 10)
    return bool(readable)


def test_a_sandbox_that_is_forgotten_ends_its_child():
    sandbox = Sandbox()
    call(sandbox, "echo")
    process = child_process(sandbox)
    del sandbox
    assert process.returncode is not None


def test_threads_take_turns(sandbox):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: call(sandbox, "echo", number=number, blob=bytes(100_000)), range(40)))
    assert [answer["number"] for answer in answers] == list(range(40))


def test_a_forked_process_gets_a_child_of_its_own(sandbox):
    ours = call(sandbox, "pid")
    read_end, write_end = os.pipe()
    forked = os.fork()
    if forked == 0:
        os.write(write_end, str(call(sandbox, "pid")).encode())
        sandbox.close()
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as answers:
        theirs = int(answers.read())
    os.waitpid(forked, 0)
    assert theirs != ours
    assert call(sandbox, "pid") == ours


def test_a_fork_while_another_thread_is_calling_does_not_block_the_forked_process(sandbox):
    call(sandbox, "echo")
    with sandbox._lock:
        forked = os.fork()
        if forked == 0:
            call(sandbox, "echo")
            sandbox.close()
            os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]) == 7


def test_the_sandbox_costs_the_web_worker_no_pdf_library():
    script = "import sys, app.pdf.inspector; sys.exit(bool({'pikepdf', 'pypdfium2', 'PIL'} & sys.modules.keys()))"
    subprocess.run([sys.executable, "-c", script], check=True)

"""`make run` and `make demo`, as a newcomer meets them, with real processes and over real HTTP."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pypdfium2
import pytest
from dotenv import dotenv_values

from app.signer.verification import verify_file
from tests.builders.pdfs import make_pdf
from tests.e2e.stack import Stack, running_stack

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with running_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(scope="module")
def demo(stack: Stack) -> Path:
    """Run the demo once and return where it left its files."""
    finished = stack.run("-m", "app.demo")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "The seal holds." in finished.stdout
    return stack.folder / "var/demo"


def curl(stack: Stack, *arguments: str) -> tuple[int, dict]:
    """Run curl as the documents do; return the status and the JSON."""
    finished = subprocess.run(
        ["curl", "-s", "-w", "\n%{http_code}", *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    body, _, status = finished.stdout.rpartition("\n")
    return int(status), json.loads(body)


def test_the_demo_runs_again_on_the_same_stack(stack, demo):
    assert stack.run("-m", "app.demo").returncode == 0


def test_the_demos_files_are_sealed_and_one_flipped_byte_shows(stack, demo, tmp_path):
    certificate = stack.folder / "var/signer-seal.pem"
    sealed = (demo / "signed.pdf").read_bytes()
    assert verify_file(demo / "signed.pdf", certificate=certificate).ok
    assert verify_file(demo / "certificate.pdf", certificate=certificate).ok

    flipped = bytearray(sealed)
    flipped[len(sealed) // 3] ^= 1
    (tmp_path / "flipped.pdf").write_bytes(flipped)

    assert not verify_file(tmp_path / "flipped.pdf", certificate=certificate).ok


@pytest.mark.tools
def test_pdfsig_agrees_about_the_demos_seal(stack, demo, tmp_path):
    sealed = (demo / "signed.pdf").read_bytes()
    flipped = bytearray(sealed)
    flipped[len(sealed) // 3] ^= 1
    (tmp_path / "flipped.pdf").write_bytes(flipped)

    good = subprocess.run(["pdfsig", demo / "signed.pdf"], capture_output=True, text=True, check=False).stdout
    bad = subprocess.run(["pdfsig", tmp_path / "flipped.pdf"], capture_output=True, text=True, check=False).stdout

    assert "Signature is Valid" in good
    assert "Signature is Valid" not in bad


def test_the_demos_stamps_are_where_the_fields_were(demo):
    document = pypdfium2.PdfDocument(demo / "signed.pdf")
    page = document[0]
    width, height = page.get_size()
    left, bottom, right, top = text_box(page, "Agreed, without remarks.")

    # The field: x 16, y 66.6, width 40, height 3, in percent of the page from the top left.
    assert left / width * 100 == pytest.approx(16, abs=1)
    assert (height - top) / height * 100 >= 66.6 - 1
    assert (height - bottom) / height * 100 <= 69.6 + 1
    assert right / width * 100 <= 56 + 1


def text_box(page: pypdfium2.PdfPage, text: str) -> tuple[float, float, float, float]:
    text_page = page.get_textpage()
    index, count = text_page.search(text).get_next()
    boxes = [text_page.get_charbox(position) for position in range(index, index + count)]
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


def test_a_port_in_use_is_one_clear_sentence(stack):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finished = stack.run("-m", "app.cli", "run", "--port", str(port))

    assert finished.returncode == 1
    assert finished.stderr.startswith(f"Error: Port {port} on 127.0.0.1, where the API should listen, is in use")
    assert finished.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("target", "name", "value"),
    [
        ("wsgi:app", "DATABASE_URL", "mysql://x"),
        ("wsgi:app", "PROVIDER_READ_TIMEOUT", "soon"),
        ("wsgi:app", "SIGNING_PROVIDER_API_KEY", "short"),
        ("app.signer:create_signer()", "SIGNER_API_KEYS", ""),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line_that_names_it(tmp_path, stack, target, name, value):
    root = Path(__file__).parents[2]
    finished = stack.run("-m", "gunicorn", "--pythonpath", str(root), "-b", "127.0.0.1:0", target, **{name: value})

    ours = [line for line in finished.stderr.splitlines() if name in line]
    assert finished.returncode == 3
    assert len(ours) == 1
    assert "Traceback" not in finished.stderr


@pytest.mark.crashes
def test_running_again_keeps_the_data_and_the_key(tmp_path):
    with running_stack(tmp_path) as first:
        upload(first)
    with running_stack(tmp_path) as second:
        status, renders = curl(second, f"{second.api_url}/v1/renders", "-H", f"Authorization: Bearer {first.key}")

    assert second.key == first.key
    assert status == 200
    assert len(renders["renders"]) == 1


def upload(stack: Stack) -> str:
    file = stack.folder / "contract.pdf"
    file.write_bytes(make_pdf(text="{{sign_here}}"))
    status, render = curl(
        stack, "-X", "POST", f"{stack.api_url}/v1/renders", "-H", f"Authorization: Bearer {stack.key}",
        "-H", "Content-Type: application/pdf", "--data-binary", f"@{file}",
    )  # fmt: skip
    assert status == 201
    return render["id"]


def test_the_documented_curl_commands_give_the_documented_answers(stack):
    render_id = upload(stack)
    create = (
        "-X", "POST", f"{stack.api_url}/v1/signatures",
        "-H", f"Authorization: Bearer {stack.key}",
        "-H", "Idempotency-Key: sign-order-12345",
        "-H", "Content-Type: application/json",
        "-d", """{
    "renderId": "RENDER",
    "name": "Charter handover — BK-12345",
    "recipients": [
      { "firstName": "Jane", "lastName": "Doe", "email": "jane@example.com", "designation": "Signer", "order": 1 }
    ],
    "anchorTags": [
      { "anchorString": "{{sign_here}}", "type": "signature", "recipientIndex": 0, "required": true }
    ],
    "expirationHours": 168
  }""".replace("RENDER", render_id),
    )  # fmt: skip
    status, created = curl(stack, *create)
    assert status == 201
    assert created == {
        "id": created["id"],
        "renderId": render_id,
        "name": "Charter handover — BK-12345",
        "status": "sent",
        "recipients": [
            {
                "id": created["recipients"][0]["id"],
                "firstName": "Jane",
                "lastName": "Doe",
                "email": "jane@example.com",
                "designation": "Signer",
                "order": 1,
            }
        ],
        "expirationHours": 168,
        "signedDownloadUrl": None,
        "certificateUrl": None,
        "errorMessage": None,
        "createdAt": created["createdAt"],
        "completedAt": None,
    }
    assert curl(stack, *create) == (200, created)

    key = ("-H", f"Authorization: Bearer {stack.key}")
    status, page = curl(stack, f"{stack.api_url}/v1/signatures?limit=20", *key)
    assert status == 200
    assert created in page["signatures"]
    assert set(page) == {"signatures", "nextCursor", "hasMore"}

    cancel = (
        "-X", "POST", f"{stack.api_url}/v1/signatures/{created['id']}/cancel", *key,
        "-H", "Content-Type: application/json", "-d", '{ "reason": "Customer changed the terms" }',
    )  # fmt: skip
    status, cancelled = curl(stack, *cancel)
    assert status == 200
    assert cancelled == created | {"status": "cancelled", "errorMessage": "Customer changed the terms"}
    status, refused = curl(stack, *cancel)
    assert (status, refused["error"]["code"]) == (409, "conflict")


def test_no_secret_is_printed_but_the_key_for_its_owner(stack):
    kept = dotenv_values(stack.folder / "var/local.env")
    log = (stack.folder / "run.log").read_text()

    assert kept["SIGNER_API_KEYS"] not in log
    assert kept["SIGNER_WEBHOOK_SECRET"] not in log
    assert (stack.folder / "var/local.env").stat().st_mode & 0o077 == 0
    assert (stack.folder / "var").stat().st_mode & 0o077 == 0


def test_commands_work_on_the_stack_with_its_settings(stack):
    finished = stack.run("-m", "app.cli", "doctor", **dotenv_values(stack.folder / "var/local.env"))

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "signing service: answers" in finished.stdout


def test_the_command_line_is_installed(stack):
    finished = subprocess.run([Path(sys.executable).parent / "countersign", "--help"], capture_output=True, check=False)

    assert finished.returncode == 0

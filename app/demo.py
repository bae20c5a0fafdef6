"""`make demo`: the whole job over HTTP against a running stack (`make run`), to be read as an example.

The first half is what your own server would do: upload, send, wait, download. The second half plays the two
recipients, who in real life read their mail and sign in a browser.
"""

import email
import email.policy
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import requests
from environs import Env
from fpdf import FPDF

from app.local import SECRETS_FILE
from app.stack import LOCAL_API_KEY

env = Env()
env.read_env(SECRETS_FILE, recurse=False)

API = env.str("COUNTERSIGN_URL", "http://127.0.0.1:8000")
MAIL_FOLDER = Path(env.str("COUNTERSIGN_MAIL_FOLDER", "var/mail"))
OUTPUT_FOLDER = Path("var/demo")
SECONDS_TO_WAIT = 60

RECIPIENTS = [
    {"firstName": "Jane", "lastName": "Doe", "email": "jane@example.com", "order": 1},
    {"firstName": "José", "lastName": "Núñez", "email": "jose@example.com", "order": 2},
]

Found = TypeVar("Found")


def main() -> None:
    """Send a sample contract to two people, sign as both, and check what comes back."""
    api = requests.Session()
    api.headers["Authorization"] = f"Bearer {api_key()}"

    say("Uploading a two-page PDF …")
    render = call(
        api.post(f"{API}/v1/renders", data=sample_contract(), headers={"Content-Type": "application/pdf"}, timeout=30)
    )
    say(f"  render {render['id']}, {render['pageCount']} pages")

    say("Sending it out for signature to Jane, then José …")
    # The key makes a repeat of this call safe: nobody is ever mailed twice.
    request = call(
        api.post(
            f"{API}/v1/signatures",
            json={
                "renderId": render["id"],
                "name": "Charter handover",
                "recipients": RECIPIENTS,
                "anchorTags": [
                    {"anchorString": "{{jane_signs}}", "type": "signature", "recipientIndex": 0},
                    {"anchorString": "{{jose_signs}}", "type": "signature", "recipientIndex": 1},
                ],
                "fields": [
                    {"recipientIndex": 0, "type": "checkbox", "page": 1, "x": 5, "y": 62, "width": 3, "height": 2},
                    {"recipientIndex": 1, "type": "text", "page": 1, "x": 16, "y": 66.6, "width": 40, "height": 3},
                ],
            },
            headers={"Idempotency-Key": f"demo-{uuid4()}"},
            timeout=90,
        )
    )
    say(f"  request {request['id']}, {request['status']}")

    for person in RECIPIENTS:
        say(f"{person['firstName']} gets a mail, follows the link and signs …")
        sign_as(person, request_name="Charter handover", since=request["createdAt"])

    say("Waiting until the signed document is archived …")
    address = f"{API}/v1/signatures/{request['id']}"
    done = wait_for(lambda: is_completed(call(api.get(address, timeout=30))), "the request to be completed")
    say(f"  {done['status']} at {done['completedAt']}")

    signed = download(api, done["signedDownloadUrl"], "signed.pdf")
    certificate = download(api, done["certificateUrl"], "certificate.pdf")

    say("Checking the seals, offline …")
    verified = all(verify(file) for file in (signed, certificate))
    say("Done: the contract is signed by both, sealed, and here." if verified else "The seal does not hold!")
    sys.exit(0 if verified else 1)


def api_key() -> str:
    """Return the key that `make run` made."""
    key = env.str(LOCAL_API_KEY, "")
    if not key:
        sys.exit("No API key found: start the stack with `make run` in another terminal first.")
    return key


def sample_contract() -> bytes:
    """Draw two pages; the texts in double braces say where people sign, and disappear in the signed document."""
    pdf = FPDF()
    pdf.set_font("Helvetica", size=12)
    pdf.add_page()
    pdf.set_font_size(22)
    pdf.cell(text="Charter handover", new_x="LMARGIN", new_y="NEXT", h=16)
    pdf.set_font_size(12)
    for _ in range(6):
        pdf.multi_cell(
            w=0,
            h=7,
            text="The charterer takes over the vessel in good order, with the inventory listed on the next page,"
            " and returns it on the agreed day at the agreed place.",
            new_x="LMARGIN",
            new_y="NEXT",
        )
    pdf.set_xy(18, 185)
    pdf.cell(text="I have read the safety instructions.")
    pdf.set_xy(10, 200)
    pdf.cell(text="Remarks:")
    pdf.add_page()
    pdf.cell(text="Inventory: 8 life jackets, 2 anchors, 1 dinghy.", new_x="LMARGIN", new_y="NEXT", h=40)
    pdf.cell(text="Charterer: {{jane_signs}}", new_x="LMARGIN", new_y="NEXT", h=30)
    pdf.cell(text="Owner: {{jose_signs}}", new_x="LMARGIN", new_y="NEXT", h=30)
    return bytes(pdf.output())


def call(answer: requests.Response) -> Any:
    """Return the JSON of a good answer; stop with the error's own words otherwise."""
    if not answer.ok:
        sys.exit(f"The API answered {answer.status_code}: {answer.text}")
    return answer.json()


def is_completed(request: dict[str, Any]) -> dict[str, Any] | None:
    """Return the request once its files are there."""
    return request if request["status"] == "completed" and request["certificateUrl"] else None


def download(api: requests.Session, url: str, name: str) -> Path:
    """Store a file of the request and return where."""
    answer = api.get(url, timeout=60)
    answer.raise_for_status()
    OUTPUT_FOLDER.mkdir(parents=True, exist_ok=True)
    file = OUTPUT_FOLDER / name
    file.write_bytes(answer.content)
    say(f"  {file} ({len(answer.content):,} bytes)")
    return file


def verify(file: Path) -> bool:
    """Run `countersign verify` and pass on what it says."""
    command = [sys.executable, "-m", "app.cli", "verify", str(file)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (our own command)
    say(f"  {file.name}:")
    for line in (finished.stdout + finished.stderr).splitlines():
        say(f"    {line}")
    return finished.returncode == 0


def wait_for(look: Callable[[], Found | None], what: str) -> Found:
    """Look twice a second until there is something."""
    deadline = time.monotonic() + SECONDS_TO_WAIT
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.5)
    sys.exit(f"Waited {SECONDS_TO_WAIT} seconds for {what}, in vain. Is the worker running?")


def say(line: str) -> None:
    """Print at once, so that progress is seen."""
    print(line, flush=True)  # noqa: T201 (this is the program's output)


# --- What the recipients do, in a browser --------------------------------------------------------------------------


def sign_as(person: dict[str, Any], *, request_name: str, since: str) -> None:
    """Read the mail, open the document, fill in every field with a typed signature, agree and finish."""
    address, name = person["email"], f"{person['firstName']} {person['lastName']}"
    browser = requests.Session()
    link = wait_for(lambda: newest_link(address, request_name, since), f"a mail to {address}")
    landing = browser.get(link, timeout=30)
    page = browser.post(f"{link}/open", data=Form.of(landing).hidden, timeout=30)
    form = Form.of(page)
    answers = {field: fill_in(field, kind, value, signature=name) for field, kind, value in form.inputs}
    finish = browser.post(f"{page.url}/finish", data={**form.hidden, **answers}, timeout=60)
    finish.raise_for_status()


def fill_in(field: str, kind: str, value: str, *, signature: str) -> str:
    """Answer one control of the signing form."""
    if field.startswith("ink."):
        return f"typed:{signature}"
    if kind == "hidden" and field.startswith("field."):
        return "adopted"
    return value or "Agreed, without remarks."


def newest_link(address: str, request_name: str, since: str) -> str | None:
    """Return the signing link in the newest mail to this person."""
    for file in sorted(MAIL_FOLDER.glob("*.eml"), key=lambda path: path.stat().st_mtime, reverse=True):
        message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        if address in str(message["To"]) and request_name in str(message["Subject"]):
            body = message.get_body(("plain",))
            found = re.search(r"https?://\S+/signing/\S+", body.get_content()) if body else None
            if found and file.stat().st_mtime >= timestamp(since):
                return found[0]
    return None


def timestamp(moment: str) -> float:
    """Return an API time as seconds, a second early: files know no milliseconds everywhere."""
    return datetime.fromisoformat(moment).timestamp() - 1


class Form(HTMLParser):
    """The inputs of an HTML form, and which of them the page has filled in already."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs: list[tuple[str, str, str]] = []
        self.hidden: dict[str, str] = {}

    @classmethod
    def of(cls, answer: requests.Response) -> "Form":
        """Read the form of a page."""
        answer.raise_for_status()
        form = cls()
        form.feed(answer.text)
        return form

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a control."""
        given = {name: value or "" for name, value in attrs}
        if tag != "input" or "name" not in given:
            return
        if given["name"] == "form_key":
            self.hidden["form_key"] = given["value"]
        else:
            self.inputs.append((given["name"], given.get("type", "text"), given.get("value", "")))


if __name__ == "__main__":
    main()

import hashlib
import hmac
import os

from flask import Flask, request

app = Flask(__name__)
secret = os.environ["WEBHOOK_SECRET"].encode()  # all of whsec_…


@app.post("/hooks/countersign")
def receive():
    ours = hmac.new(secret, request.get_data(), hashlib.sha256).hexdigest()
    given = [request.headers.get(f"x-craftkit-signature{end}", "") for end in ("", "-old")]
    if not any(hmac.compare_digest(ours.encode(), each.encode()) for each in given):
        return "", 401
    print(request.headers["x-craftkit-delivery-id"], request.json["event"])
    return "", 204

"""Makes what signers filled in, and stamps it."""

from app.signer.stamping import stamp

#: A page whose sides are easy to calculate with.
TALL = (400, 600)


def mark(kind="text", *, page=1, x=20, y=30, width=40, height=10, **rest):
    return {"kind": kind, "page": page, "x": x, "y": y, "width": width, "height": height} | rest


def stamped(content, *marks, hide=()):
    return stamp(content=content, marks=list(marks), hide=list(hide))["document"]


def assert_inside(found, box, *, within=0.3):
    assert found is not None
    x, y, width, height = found
    assert x >= box["x"] - within
    assert y >= box["y"] - within
    assert x + width <= box["x"] + box["width"] + within
    assert y + height <= box["y"] + box["height"] + within

"""Asks axe-core, in the browser, what keeps people from using a page (WCAG 2.2 AA and common practice)."""

from pathlib import Path

from playwright.sync_api import Page

AXE = (Path(__file__).parent / "vendor" / "axe-core-4.14.1.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async (tags) => {
  const rules = { "target-size": { enabled: true } }; // axe-core leaves it out of its tags
  const { violations } = await axe.run(document, { runOnly: { type: "tag", values: tags }, rules });
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}: ${node.failureSummary}`));
}"""


def assert_accessible(page: Page) -> None:
    """Fail with what axe-core found."""
    page.evaluate(f"() => {{ if (!window.axe) {{ {AXE} }} }}")
    violations = page.evaluate(RUN, RULES)
    assert not violations, "\n".join(violations)

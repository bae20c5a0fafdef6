#!/usr/bin/env bash
# Run every test and measure coverage. What needs PostgreSQL, Chromium or poppler-utils runs where those are present;
# CI requires them all. Called by `make check`.
set -euo pipefail

missing=()
[ -n "${TEST_POSTGRES_URL:-}" ] || missing+=("PostgreSQL (set TEST_POSTGRES_URL to a server whose user may create databases)")
[ -x "${CHROMIUM:-/usr/bin/chromium}" ] || missing+=("Chromium (Debian: chromium)")
tools=(pdfsig nginx openssl redis-server systemd-analyze)
has_tools=yes
for tool in "${tools[@]}"; do
  if ! PATH=$PATH:/usr/sbin command -v "$tool" >/dev/null; then
    missing+=("$tool (Debian: see the packages in .ci/run)")
    has_tools=
  fi
done

if [ ${#missing[@]} -gt 0 ]; then
  printf 'Not present: %s\n' "${missing[@]}"
  if [ -n "${CI:-}" ]; then
    echo "CI requires all of them."
    exit 1
  fi
fi

postgres_url=${TEST_POSTGRES_URL:-}
unset TEST_POSTGRES_URL
rm -f .coverage .coverage.*

echo "== Tests that need nothing but Python (SQLite)"
COVERAGE="--cov --cov-report="
$PYTEST -n "$JOBS" $COVERAGE -m "not browser and not tools and not postgres and not crashes"

echo "== The crash matrix: kill -9 at every step, under every fault"
$PYTEST -n "$JOBS" -m crashes

if [ -n "$has_tools" ]; then
  echo "== Tests that use Debian's programs: ${tools[*]}"
  $PYTEST $COVERAGE --cov-append -m tools
fi
if [ -x "${CHROMIUM:-/usr/bin/chromium}" ]; then
  echo "== Tests in Chromium"
  $PYTEST $COVERAGE --cov-append -m browser
fi
if [ -n "$postgres_url" ]; then
  export TEST_POSTGRES_URL=$postgres_url
  echo "== Everything that has a database, on PostgreSQL"
  $PYTEST -n "$JOBS" $COVERAGE --cov-append -m "not browser and not tools and not processes and not crashes" \
    tests/services tests/api tests/project tests/signer
  echo "== Kills on PostgreSQL, and on several hosts with their files in S3"
  $PYTEST -n "$JOBS" -m "crashes or processes" tests/crashes tests/soak tests/signer/test_kills.py tests/e2e/test_graceful_stop.py
fi

.venv/bin/coverage combine --quiet --append 2>/dev/null || true
.venv/bin/coverage report

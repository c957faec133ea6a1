# What tests in a browser share: Chromium and its driver or exit 77, a scratch folder $work, $failed. Sourced.
export NODE_PATH=${NODE_PATH:-$PWD/build/browser/node_modules}
export CHROMIUM=${CHROMIUM:-$(command -v chromium || echo /usr/bin/chromium)}
if [[ ! -x "$CHROMIUM" ]] || ! node -e 'require("playwright-core")' 2>/dev/null; then
    echo "no chromium or no playwright-core: scripts/setup --browser"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

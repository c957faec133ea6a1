#!/usr/bin/env python3
"""Writes the page of what no fuzz target reaches, with a reason for each function, from llvm-cov's lcov export.

Usage: unreached.py LCOV REASONS OUT

REASONS: lines "FILE FUNCTION: reason" with globs, the first that fits counts; # starts a comment. A function without a
reason makes the exit code 1; a reason that fits nothing (any more) is reported. What stands under `if (NIKA_PLANTED(...)` is found in
the source and needs none.
"""

import fnmatch
import os
import re
import sys

FOLDERS = ("engine/core/", "protocols/")
PLANTED = "what a planted bug would do, which no ordinary build has (docs/museum.md)"


def read(path, root):
    """{file: ({line: count}, [(first line, function, count)])}"""
    files, lines, functions, starts = {}, {}, [], {}
    name = None
    with open(path, encoding="utf-8") as file:
        for text in file:
            key, _, value = text.strip().partition(":")
            if key == "SF":
                name, lines, functions, starts = os.path.relpath(value, root), {}, [], {}
            elif key == "FN":
                first, function = value.split(",", 1)
                starts[function] = int(first)
            elif key == "FNDA":
                count, function = value.split(",", 1)
                functions.append((starts[function], function.rsplit(":", 1)[-1], int(count)))
            elif key == "DA":
                number, count = value.split(",")[:2]
                lines[int(number)] = max(int(count), lines.get(int(number), 0))
            elif text.startswith("end_of_record") and name.startswith(FOLDERS) and lines:
                files[name] = (lines, sorted(set(functions)))
    return files


def planted_lines(path):
    """Lines of the statements under `if (NIKA_PLANTED(...)`, told by their indentation."""
    found, indent, braces = set(), None, False
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().split("\n")
    except OSError:
        return found
    for number, line in enumerate(lines, 1):
        here = len(line) - len(line.lstrip())
        if indent is not None:
            if braces and (here > indent or line.strip() == "}"):
                found.add(number)
            if not braces and here > indent:
                found.add(number)
            if (braces and here <= indent and line.strip()) or (not braces and line.rstrip().endswith(";")) or here < indent:
                indent = None
        elif re.match(r"\s*if \(NIKA_PLANTED\(", line):
            found.add(number)
            indent, braces = here, line.rstrip().endswith("{")
            if line.rstrip().endswith(";"):
                indent = None
    return found


def ranges(numbers):
    """"3-5, 9" of [3, 4, 5, 9]."""
    parts, numbers = [], sorted(numbers)
    while numbers:
        last = 0
        while last + 1 < len(numbers) and numbers[last + 1] == numbers[last] + 1:
            last += 1
        parts.append(f"{numbers[0]}-{numbers[last]}" if last else str(numbers[0]))
        numbers = numbers[last + 1:]
    return ", ".join(parts)


def read_reasons(path):
    reasons = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip() or line.startswith("#"):
                continue
            match = re.fullmatch(r"(\S+) (\S+): (.+)", line.strip())
            if not match:
                sys.exit(f'{path}:{number}: expected "FILE FUNCTION: reason"')
            reasons.append([*match.groups(), 0, number])
    return reasons


def reason_of(reasons, file, function):
    for reason in reasons:
        if fnmatch.fnmatch(file, reason[0]) and fnmatch.fnmatch(function, reason[1]):
            reason[3] += 1
            return reason[2]
    return None


def missed(files):
    """Yields (file, function, unreached lines, whether none of it is reached, the reason when the source says it)."""
    for file, (lines, functions) in sorted(files.items()):
        planted = planted_lines(file)
        for index, (first, function, count) in enumerate(functions):
            end = functions[index + 1][0] if index + 1 < len(functions) else 1 << 30
            unreached = [n for n, c in lines.items() if first <= n < end and c == 0]
            bugs = [n for n in unreached if n in planted] if count else []
            if bugs:
                yield file, function, bugs, False, PLANTED
            if len(unreached) > len(bugs):
                yield file, function, [n for n in unreached if n not in bugs], count == 0, None


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    lcov, reasons_path, out = sys.argv[1:]
    files = read(lcov, os.getcwd())
    reasons = read_reasons(reasons_path)
    total = sum(len(lines) for lines, _ in files.values())
    reached = sum(1 for lines, _ in files.values() for c in lines.values() if c)
    by_reason, unexplained = {}, []
    for file, function, unreached, whole, known in missed(files):
        reason = known or reason_of(reasons, file, function)
        entry = (file, function, unreached, whole)
        by_reason.setdefault(reason, []).append(entry) if reason else unexplained.append(entry)
    folders = {}
    for file, (lines, _) in files.items():
        row = folders.setdefault(os.path.dirname(file), [0, 0])
        row[0] += len(lines)
        row[1] += sum(1 for c in lines.values() if c)
    with open(out, "w", encoding="utf-8") as page:
        page.write("# What no fuzz target reaches\n\nGenerated by `scripts/coverage --fuzz` from `fuzz/unreached.txt`, where the reasons are: do not edit. "
                   "Every corpus is run once\nthrough the targets; counted are the lines of `engine/core` and `protocols` that the targets are linked with.\n\n")
        page.write("| folder | lines | reached | |\n|---|---|---|---|\n")
        for folder, (lines, hit) in sorted(folders.items()):
            page.write(f"| `{folder}` | {lines} | {hit} | {100 * hit // lines} % |\n")
        page.write(f"| all | {total} | {reached} | {100 * reached // total} % |\n\n")
        for reason in [PLANTED] + [r[2] for r in reasons]:
            entries = by_reason.pop(reason, [])
            if not entries:
                continue
            page.write(f"## {sum(len(e[2]) for e in entries)} lines: {reason}\n\n")
            for file in sorted({e[0] for e in entries}):
                here = [f"`{f}` (all)" if whole else f"`{f}` {ranges(numbers)}" for name, f, numbers, whole in entries if name == file]
                page.write(f"- `{file}`: {', '.join(here)}\n")
            page.write("\n")
        if unexplained:
            page.write("## Not explained\n\n" + "".join(f"- `{f}`: `{g}` {ranges(n)}\n" for f, g, n, _ in unexplained))
    stale = [r for r in reasons if r[3] == 0]
    for _, _, _, _, number in stale:
        print(f"{reasons_path}:{number}: fits nothing (any more)")
    for file, function, unreached, _ in unexplained:
        print(f"{file}: {function}: lines {ranges(unreached)} are not reached, and no reason is given")
    print(f"{reached} of {total} lines are reached; {len(unexplained)} functions without a reason, {len(stale)} reasons without a function")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())

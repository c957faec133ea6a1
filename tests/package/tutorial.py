#!/usr/bin/env python3
"""Follows docs/tutorial.md literally: writes its files to a folder, runs its commands there and compares what they print.

Usage: tutorial.py PAGE FOLDER EXAMPLE

A fenced block with a file name after its language is a part of that file. A block `console` has commands ($ ...), lines that must appear
in this order in what they print (... stands for anything), and [exit N] for the last command's exit code. The files must be those of the
folder EXAMPLE.
"""

import os
import re
import subprocess
import sys

TIMEOUT_S = 240


def blocks(text):
    """Yields (language, file name or "", content) of each fenced block."""
    for match in re.finditer(r"^```(\w+)[ ]?(\S*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield match.group(1), match.group(2), match.group(3)


def write_files(page, folder):
    files = {}
    for _, name, content in blocks(page):
        if name:
            if os.path.basename(name) != name:
                sys.exit(f"a block names the file {name}: expected a plain name")
            files[name] = files.get(name, "") + content
    for name, content in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(content)
    return files


def compare(files, example):
    there = {n for n in os.listdir(example) if os.path.isfile(os.path.join(example, n))} - {"README.md"}
    problems = [f"{n}: only in the example" for n in sorted(there - files.keys())]
    problems += [f"{n}: only in the tutorial" for n in sorted(files.keys() - there)]
    for name in sorted(there & files.keys()):
        with open(os.path.join(example, name), encoding="utf-8") as file:
            if file.read() != files[name]:
                problems.append(f"{name}: the tutorial and the example differ")
    return problems


def missing_line(expected, printed):
    """The first expected line that does not follow the ones before it, or None."""
    lines = iter(printed.splitlines())
    for line in expected:
        pattern = ".*".join(re.escape(part) for part in line.split("..."))
        if not any(re.fullmatch(pattern, got.rstrip()) for got in lines):
            return line
    return None


def run_console(content, folder):
    """Runs the commands of one block; returns what went wrong."""
    steps, code = [], None
    for line in content.splitlines():
        if line.startswith("$ "):
            steps.append([line[2:], [], 0])
        elif re.fullmatch(r"\[exit \d+\]", line):
            steps[-1][2] = int(line[6:-1])
        else:
            steps[-1][1].append(line)
    for command, expected, code in steps:
        done = subprocess.run(["bash", "-c", command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=TIMEOUT_S, check=False)
        tail = "\n".join(done.stdout.splitlines()[-25:])
        if done.returncode != code:
            return f"exit code {done.returncode}, not {code}: {command}\n{tail}"
        line = missing_line(expected, done.stdout)
        if line is not None:
            return f'no line "{line}": {command}\n{tail}'
    return None


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    page_path, folder, example = sys.argv[1:]
    with open(page_path, encoding="utf-8") as file:
        page = file.read()
    problems = compare(write_files(page, folder), example)
    commands = 0
    for language, name, content in blocks(page):
        if language != "console" or name or problems:
            continue
        commands += content.count("$ ")
        problem = run_console(content, folder)
        if problem:
            problems.append(problem)
    if not problems and commands < 5:
        problems.append(f"only {commands} commands: the blocks are not read")
    for problem in problems:
        print(f"FAIL: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Writes the bill of materials of the package (SPDX 2.3, JSON) from what was built and what the machine's package database says of it.

Usage: sbom.py --version V --program FILE [--archives FILE...] [--ninja FOLDER] --out FILE

Libraries that the program loads, and theirs, are found as the loader finds them; packages whose headers were compiled in, from the
dependencies that ninja recorded. Nothing in it depends on who ran this or when: the time is SOURCE_DATE_EPOCH.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import time

# Short names of Debian's copyright format that SPDX spells otherwise.
SPDX_NAMES = {
    "apache-2.0": "Apache-2.0", "expat": "MIT", "mit": "MIT", "bsd-2-clause": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause", "isc": "ISC",
    "zlib": "Zlib", "lgpl-2.1": "LGPL-2.1-only", "lgpl-2.1+": "LGPL-2.1-or-later", "lgpl-2+": "LGPL-2.0-or-later", "lgpl-2": "LGPL-2.0-only",
    "lgpl-3": "LGPL-3.0-only", "lgpl-3+": "LGPL-3.0-or-later", "gpl-2": "GPL-2.0-only", "gpl-2+": "GPL-2.0-or-later", "gpl-3": "GPL-3.0-only",
    "gpl-3+": "GPL-3.0-or-later",
}
# Read by a person in /usr/share/doc/PACKAGE/copyright: no machine can read it, or its stanza of all files speaks of more than the library.
BY_HAND = {
    "libc6": "LGPL-2.1-or-later", "libgnutls30": "LGPL-2.1-or-later", "libunistring2": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "libidn2-0": "LGPL-3.0-or-later OR GPL-2.0-or-later", "libtasn1-6": "LGPL-2.1-or-later", "libc6-dev": "LGPL-2.1-or-later", "libgmp10": "LGPL-3.0-or-later OR GPL-2.0-or-later",
}
TOOLS = ("gcc", "binutils", "cmake", "ninja-build")


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "LC_ALL": "C"}).stdout


def needed(path):
    """Shared libraries that `path` itself names."""
    return re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-dW", path))


def loaded(path):
    """Where the loader finds each of the libraries of `path`, theirs included: {name: file}."""
    return dict(re.findall(r"^\s*(\S+) => (/\S+)", output("ldd", path), re.MULTILINE))


def owners(files):
    """{file: Debian package}; with merged /usr, the database may know a file by either path."""
    spelt = {}
    for file in files:
        real = os.path.realpath(file)
        for path in {file, real, re.sub(r"^/usr/lib", "/lib", real), re.sub(r"^/lib", "/usr/lib", real)}:
            spelt[path] = file
    found = {}
    lines = subprocess.run(["dpkg-query", "-S", *sorted(spelt)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
    for line in lines.splitlines():
        package, _, path = line.partition(": ")
        if path in spelt:
            found[spelt[path]] = package.split(",")[0].split(":")[0]
    return found


def field(package, name):
    return output("dpkg-query", "-W", f"-f=${{{name}}}\n", package).splitlines()[0]


def stanza_of_all(package):
    """(License, Copyright) of `Files: *` in a machine-readable copyright file, or empty strings."""
    try:
        with open(f"/usr/share/doc/{package}/copyright", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return "", ""
    for stanza in re.split(r"\n\s*\n", text):
        if re.search(r"^Files:\s*\*\s*$", stanza, re.MULTILINE):
            license_of = re.search(r"^License:[ \t]*(\S.*)$", stanza, re.MULTILINE)
            copyright_of = re.search(r"^Copyright:[ \t]*((?:.*\n?)(?:[ \t]+.*\n?)*)", stanza, re.MULTILINE)
            lines = copyright_of.group(1).split("\n") if copyright_of else []
            return (license_of.group(1).strip() if license_of else ""), "\n".join(x.strip() for x in lines if x.strip())
    return "", ""


def spdx_license(package, text):
    if package in BY_HAND:
        return BY_HAND[package]
    words = re.split(r"\s+(or|and)\s+", text.replace(",", ""))
    names = [w.upper() if w in ("or", "and") else SPDX_NAMES.get(w.lower()) for w in words]
    return " ".join(names) if text and all(names) else "NOASSERTION"


def describe(package, purpose):
    text, holders = stanza_of_all(package)
    version, architecture = field(package, "Version"), field(package, "Architecture")
    declared = spdx_license(package, text)
    result = {
        "SPDXID": "SPDXRef-Package-" + re.sub(r"[^A-Za-z0-9.-]", "-", package),
        "name": package,
        "versionInfo": version,
        "supplier": "Organization: Debian",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": declared,
        "copyrightText": holders or "NOASSERTION",
        "primaryPackagePurpose": purpose,
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": f"pkg:deb/debian/{package.replace('+', '%2B')}@{version.replace('+', '%2B').replace(':', '%3A')}?arch={architecture}",
        }],
    }
    homepage = field(package, "Homepage")
    if homepage:
        result["homepage"] = homepage
    if text and declared == "NOASSERTION":
        result["licenseComments"] = f"Debian's copyright file says: {text}"
    return result


def compiled_in(ninja):
    """Packages whose headers ninja saw the compiler read."""
    headers = set(re.findall(r"^\s+(/usr/\S+\.h)$", output("ninja", "-C", ninja, "-t", "deps"), re.MULTILINE))
    return sorted(set(owners(sorted(headers)).values())) if headers else []


def file_entry(path):
    with open(path, "rb") as file:
        data = file.read()
    name = os.path.basename(path)
    return {
        "SPDXID": "SPDXRef-File-" + name,
        "fileName": "./" + (path.split("/usr/", 1)[1] if "/usr/" in path else name),
        "fileTypes": ["BINARY" if name == "nika" else "ARCHIVE"],
        "checksums": [{"algorithm": a, "checksumValue": hashlib.new(a.lower(), data).hexdigest()} for a in ("SHA1", "SHA256")],
        "licenseConcluded": "Apache-2.0",
        "licenseInfoInFiles": ["NOASSERTION"],
        "copyrightText": "2026 The Nika authors",
    }


def document(arguments):
    packages, relations = {}, []

    def add(name, purpose):
        if name not in packages:
            packages[name] = describe(name, purpose)
        return packages[name]["SPDXID"]

    def relate(one, kind, other, comment=None):
        entry = {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
        if comment:
            entry["comment"] = comment
        relations.append(entry)

    root = {
        "SPDXID": "SPDXRef-Package-nika", "name": "nika", "versionInfo": arguments.version, "supplier": "Organization: The Nika authors",
        "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0",
        "copyrightText": "2026 The Nika authors", "primaryPackagePurpose": "APPLICATION",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": f"pkg:generic/nika@{arguments.version}"}],
    }
    relate("SPDXRef-DOCUMENT", "DESCRIBES", root["SPDXID"])
    files = [file_entry(path) for path in [arguments.program, *arguments.archives]]
    for entry in files:
        relate(entry["SPDXID"], "GENERATED_FROM", root["SPDXID"])

    libraries = loaded(arguments.program)
    owner_of = owners(list(libraries.values()))
    lost = [path for path in libraries.values() if path not in owner_of]
    if lost:
        sys.exit(f"sbom: no Debian package has {', '.join(lost)}")
    direct = {owner_of[libraries[name]] for name in needed(arguments.program) if name in libraries}
    for package in sorted(direct):
        relate(root["SPDXID"], "DYNAMIC_LINK", add(package, "LIBRARY"))
    for path in sorted(libraries.values()):
        user = owner_of[path]
        for name in needed(path):
            used = owner_of.get(libraries.get(name))
            if used and used != user:
                relate(add(user, "LIBRARY"), "DYNAMIC_LINK", add(used, "LIBRARY"))
    for package in compiled_in(arguments.ninja) if arguments.ninja else []:
        relate(add(package, "LIBRARY"), "BUILD_DEPENDENCY_OF", root["SPDXID"], "its headers were compiled in")
    for package in TOOLS:
        relate(add(package, "APPLICATION"), "BUILD_TOOL_OF", root["SPDXID"])

    unique = sorted({json.dumps(r, sort_keys=True) for r in relations})
    body = {
        "packages": [root] + [packages[name] for name in sorted(packages)],
        "files": files,
        "relationships": [json.loads(r) for r in unique],
    }
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
    name = f"nika-{arguments.version}"
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": name,
        "documentNamespace": f"https://nika-testbed.org/spdx/{name}-{digest[:32]}",
        "creationInfo": {
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)),
            "creators": ["Organization: The Nika authors", f"Tool: nika-sbom-{arguments.version}"],
        },
        **body,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--version", required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("--archives", nargs="*", default=[])
    parser.add_argument("--ninja", help="the build's folder")
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    with open(arguments.out, "w", encoding="utf-8") as file:
        json.dump(document(arguments), file, indent=1, ensure_ascii=False)
        file.write("\n")


if __name__ == "__main__":
    main()

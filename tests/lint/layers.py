#!/usr/bin/env python3
"""Checks that each part uses only what it may: its includes, and the undefined symbols of its objects.

usage: layers.py BUILD    (the folder that holds the objects of `make`)
Prints one line for each breach and ends with 1 where there is any.
"""
import pathlib
import re
import subprocess
import sys

# A part: the folders it is made of, and the parts whose headers and symbols it may use.
PARTS = {
    "base": (["src/base"], []),
    "proto": (["proto"], ["base"]),
    "nn": (["nn"], ["base"]),
    "net": (["src/net"], ["base", "proto"]),
    "broker": (["src/broker"], ["base", "proto", "net"]),
    "node": (["src/node"], ["base", "proto", "net"]),
    "worker": (["src/worker"], ["base", "proto", "net", "nn"]),
    "client": (["src/client"], ["base", "proto", "net", "nn"]),  # nn: `export` writes other formats by itself
    "bench": (["src/bench"], ["base", "nn"]),
}
# A library: how its headers and its symbols start, and the only places that may name it.
LIBRARIES = {
    "oneDNN": (r"(oneapi/)?dnnl", r"dnnl_", ["nn/cpu/"]),
    "SQLite": (r"sqlite3", r"sqlite3_", ["src/broker/store.c"]),
    "libcurl": (r"curl/", r"curl_", ["src/net/http_client.c"]),
    "libevent": (r"event2/|event\.h", r"(event|evhttp|bufferevent|evbuffer|evconnlistener|evtimer|evutil)_",
                 ["src/net/", "src/broker/", "src/node/"]),
    "OpenSSL": (r"openssl/", r"EVP_|SHA256_", ["src/base/sha256.c"]),
    "libzip": (r"zip\.h", r"zip_", ["nn/formats/"]),
    "libjpeg": (r"jpeglib\.h|jerror\.h", r"jpeg_", ["nn/data/"]),
    "stb_image": (r"stb_image\.h", r"stbi_", ["nn/data/"]),
    "zlib": (r"zlib\.h", r"(inflate|deflate|gz)[A-Z_a-z]*$", ["nn/data/", "nn/formats/"]),
}
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def part_of(path):
    for part, (folders, _) in PARTS.items():
        if any(str(path).startswith(folder + "/") for folder in folders):
            return part
    header = re.match(r"include/dcls/([a-z]+)/", str(path))
    return header.group(1) if header and header.group(1) in PARTS else None


def sources():
    for root in ("src", "nn", "proto", "include/dcls"):
        for path in sorted(pathlib.Path(root).rglob("*.[ch]")):
            if part_of(path):
                yield path


def check_includes():
    for path in sources():
        part = part_of(path)
        allowed = {part, *PARTS[part][1]}
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            quoted, name = match.group(1) == '"', match.group(2)
            if name.startswith("dcls/"):
                target = part_of(pathlib.Path("include") / name)
                if target and target not in allowed:
                    yield f"{path}:{number}: '{part}' may not include '{name}'"
            elif quoted:
                target = part_of((path.parent / name).resolve().relative_to(pathlib.Path.cwd()))
                if target != part:
                    yield f"{path}:{number}: '{name}' lies outside '{part}': what crosses folders is in include/dcls"
            for library, (headers, _, places) in LIBRARIES.items():
                if re.match(headers, name) and not any(str(path).startswith(p) for p in places):
                    yield f"{path}:{number}: {library} is named outside {', '.join(places)}"


def symbols(path, kind):
    out = subprocess.run(["nm", "-P", kind, path], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in out.splitlines() if line.strip() and not line.startswith("/")}


def check_symbols(build):
    objects = {path: part_of(path.relative_to(build)) for path in sorted(build.rglob("*.o"))}
    objects = {path: part for path, part in objects.items() if part}
    if not objects:
        yield f"{build}: no objects: run make first"
    owner = {}
    for path, part in objects.items():
        for name in symbols(path, "-g"):
            owner.setdefault(name, set()).add((part, path))
    for path, part in objects.items():
        undefined = symbols(path, "-u")
        allowed = {part, *PARTS[part][1]}
        place = str(path.relative_to(build))
        for name in sorted(undefined):
            makers = {p for p, where in owner.get(name, ()) if where != path and name in symbols_defined(where)}
            if makers and not makers & allowed:
                yield f"{place}: '{part}' may not call '{name}' of '{', '.join(sorted(makers))}'"
            for library, (_, prefix, places) in LIBRARIES.items():
                if re.match(prefix, name) and not makers and not any(place.startswith(p[:-2] if p.endswith(".c") else p)
                                                                     for p in places):
                    yield f"{place}: calls '{name}' of {library}, which only {', '.join(places)} may"


DEFINED = {}


def symbols_defined(path):
    if path not in DEFINED:
        DEFINED[path] = symbols(path, "--defined-only")
    return DEFINED[path]


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    breaches = [*check_includes(), *check_symbols(pathlib.Path(sys.argv[1]))]
    for breach in breaches:
        print(breach)
    print(f"layers: {len(breaches)} breaches", file=sys.stderr)
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())

"""Each part, and each folder of a part, uses only what it may: by its includes, and by the symbols it calls."""
import re

# A part: its folder, and the parts it may use.
PARTS = {
    "base": ("src/base", []),
    "proto": ("proto", ["base"]),
    "nn": ("nn", ["base"]),
    "net": ("src/net", ["base", "proto"]),
    "broker": ("src/broker", ["base", "proto", "net"]),
    "node": ("src/node", ["base", "proto", "net"]),
    "worker": ("src/worker", ["base", "proto", "net", "nn"]),
    "helper": ("src/helper", ["base", "proto", "net", "nn"]),
    "client": ("src/client", ["base", "proto", "net", "nn"]),  # nn: `export` writes other formats by itself
    "bench": ("src/bench", ["base", "nn"]),
    "embed": ("src/embed", ["base"]),  # no part of the program: it runs while that is built
}
# The modules that a part may use besides: a node announces the networks of the engine's one table and fetches their
# weights by it, but computes nothing.
BESIDES = {"node": ["nn/models/models"]}
# A folder within a part, and the folders of that part it may use beside the one it lies in.
FOLDERS = {
    "nn/graph": [],
    "nn/ops": ["nn/graph"],
    "nn/cpu": ["nn/graph", "nn/cpu/kernels", "nn/cpu/onednn", "nn/ops"],  # ops: what it does not run itself
    "nn/cpu/kernels": ["nn/graph"],
    "nn/cpu/onednn": ["nn/graph", "nn/cpu/kernels"],
    "nn/data": [],
    "nn/formats": ["nn/graph", "nn/data", "nn/models"],
    "nn/models": ["nn/graph"],
    "nn/train": ["nn/graph", "nn/data", "nn/formats", "nn/models"],
    "src/broker/http": [],
}
# Files that put a part together: they may use every folder of it.
DOORS = ("nn/backends.c", "nn/bench.c", "nn/classifier.c", "src/broker/broker.c")
# A library: how its headers and its symbols start, and the only places that may name it.
LIBRARIES = {
    "oneDNN": (r"(oneapi/)?dnnl", r"dnnl_", ["nn/cpu/onednn/"]),
    "SQLite": (r"sqlite3", r"sqlite3_", ["src/broker/store"]),
    "libcurl": (r"curl/", r"curl_", ["src/net/http_client.c"]),
    "libevent": (r"event2/|event\.h", r"(event|evhttp|bufferevent|evbuffer|evconnlistener|evtimer|evutil)_",
                 ["src/net/", "include/dcls/net/", "src/broker/", "src/node/"]),
    # What a connection is made of: messages go through one file, HTTP through its server.
    "libevent's buffers": (r"event2/buffer", r"(bufferevent|evbuffer)_",
                           ["src/net/message_stream.c", "src/broker/http/"]),
    "OpenSSL": (r"openssl/", r"EVP_|SHA256_", ["src/base/sha256.c"]),
    "libzip": (r"zip\.h", r"zip_", ["nn/formats/"]),
    "libjpeg": (r"jpeglib\.h|jerror\.h", r"jpeg_", ["nn/data/"]),
    "libpng": (r"png\.h", r"png_(?!decode|stream)", ["nn/data/png.c"]),
    "libheif": (r"libheif/", r"heif_(?!(decode|check|item_size|type_is)$|items_|references_)",
                ["nn/data/heif.c"]),
    "libwebp": (r"webp/", r"(WebP|VP8)[A-Z]", ["nn/data/webp.c"]),
    "stb_image": (r"stb_image\.h", r"stbi_", ["nn/data/"]),
    "zlib": (r"zlib\.h", r"(inflate|deflate|gz)[A-Z_a-z]*$", ["nn/data/", "nn/formats/", "src/embed/"]),
}


def part_of(path):
    """Of a file, or of a module; None of what belongs to no part."""
    header = re.match(r"include/dcls/([a-z]+)/", str(path))
    if header:
        return header.group(1) if header.group(1) in PARTS else None
    return next((part for part, (folder, _) in PARTS.items() if str(path).startswith(folder + "/")), None)


def may_use(user, used):
    """Of the folders of two files of one part. A header in include/dcls without a `.c` is for all of the part."""
    return used == user or user.startswith(used + "/") or used.startswith("include/") or used in FOLDERS.get(user, [])


def check_folders(tree, user, used, what):
    """`user`, `used`: files of one part."""
    folders = [tree.module(path).rsplit("/", 1)[0] for path in (user, used)]
    if str(user) not in DOORS and not may_use(*folders):
        yield f"{user}: '{folders[0]}' may not use '{folders[1]}': it {what}"


def check_includes(tree):
    for path in tree.sources():
        part, place = part_of(path), tree.module(path) + path.suffix
        for include in tree.includes(path) if part else []:
            target = include.target and part_of(include.target)
            besides = target and tree.module(include.target) in BESIDES.get(part, [])
            where = f"{path}:{include.line}"
            if target and target not in (part, *PARTS[part][1]) and not besides:
                yield f"{where}: '{part}' may not include '{include.name}'"
            elif target and target != part and not include.name.startswith("dcls/"):
                yield f"{where}: '{include.name}' lies outside '{part}': what crosses parts is in include/dcls"
            elif target == part:
                yield from check_folders(tree, path, include.target, f"includes '{include.name}'")
            for library, (headers, _, places) in LIBRARIES.items():
                if re.match(headers, include.name) and not place.startswith(tuple(places)):
                    yield f"{where}: {library} is named outside {', '.join(places)}"


def check_calls(tree):
    for path, name, owner in tree.calls():
        part, target = part_of(path), owner and part_of(owner)
        besides = owner and tree.module(owner) in BESIDES.get(part, [])
        if part and target and target not in (part, *PARTS[part][1]) and not besides:
            yield f"{path}: '{part}' may not call '{name}' of '{target}'"
        elif part and target == part:
            yield from check_folders(tree, path, owner, f"calls '{name}'")
        for library, (_, prefix, places) in LIBRARIES.items():
            if part and not owner and re.match(prefix, name) and not str(path).startswith(tuple(places)):
                yield f"{path}: calls '{name}' of {library}, which only {', '.join(places)} may"


def check(tree):
    yield from check_includes(tree)
    yield from check_calls(tree)

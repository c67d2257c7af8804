"""Small valid files of every format that is read, and what makes them lie.

Everything is chosen by `draw`, a `random.Random` whose seed hypothesis draws and shows.
"""

import copy
import gzip
import io
import json
import math
import struct
import tarfile
import zlib

# --- sizes and bytes ------------------------------------------------------------------------------------

SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 100, 1000, 2**15, 2**16, 2**30, 2**31 - 1, 2**31, 2**32 - 1]
TAILS = [b"\0", b"\n", b"!", bytes(7), b"\xff" * 100, b"PK\3\4", b"{}", bytes(3073)]


def damaged(draw, content, most=3):
    """`content` cut anywhere, or with bytes changed, taken out, put in or appended; often as it is."""
    content = bytearray(content)
    for _ in range(draw.choice([0, 0, 1, most])):
        how = draw.choice(["cut", "flip", "flip", "set", "append", "remove", "insert"])
        where = draw.randint(0, max(0, len(content) - 1))
        if how == "cut":
            del content[where:]
        elif how == "append":
            content += draw.choice(TAILS)
        elif how == "insert":
            content[where:where] = draw.choice(TAILS)
        elif how == "remove":
            del content[where : where + draw.randint(1, 8)]
        elif len(content):
            content[where] = (content[where] ^ 1 << draw.randint(0, 7)) if how == "flip" else 255
    return bytes(content)


# --- JSON -----------------------------------------------------------------------------------------------

# What JSON's writer does not write: it goes into the text in place of a word.
RAW = {
    '"@deep lists"': "[" * 3000 + "]" * 3000,
    '"@deeper lists"': "[" * 200_000 + "]" * 200_000,
    '"@deep dicts"': '{"a":' * 600 + "1" + "}" * 600,
    '"@digits"': "9" * 10_000,
    '"@many digits"': "9" * 4_000,
    '"@beyond"': "1e999",
    '"@twice"': '{"a": 1, "a": [2], "a": null}',
    '"@nothing"': "",
}
LIES = [
    *(None, True, False, 0, 1, -1, 7, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63, 2**64, -(2**63), 10**30),
    *(0.5, -0.5, 1e308, float("nan"), float("inf"), "", "text", "\ud800", "a\0b", "../../x", "/etc/passwd"),
    *("é" * 5000, [], {}, [[]], [None], {"a": 1}, ["a", 1], [1, 2, 3], {"": {}}, [2**31, 2**31]),
    *(json.loads(word) for word in RAW),
]
TAKEN_OUT, DOUBLED, WRAPPED = object(), object(), object()
CHANGES = [*LIES, TAKEN_OUT, TAKEN_OUT, DOUBLED, WRAPPED]


def paths(tree, before=()):
    """The way to every value in a JSON tree."""
    found = []
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in children:
        found += [(*before, key), *paths(value, (*before, key))]
    return found


def changed(tree, path, change):
    """Change the value at `path`, if an earlier change has left it there."""
    *way, last = path
    for key in way:
        if not isinstance(tree, (dict, list)) or not has(tree, key):
            return
        tree = tree[key]
    if not isinstance(tree, (dict, list)) or not has(tree, last):
        return
    if change is TAKEN_OUT:
        del tree[last]
    elif change is DOUBLED:
        if isinstance(tree, list):
            tree.insert(last, tree[last])
        else:
            tree[f"{last} "] = tree[last]
    elif change is WRAPPED:
        tree[last] = [tree[last]]
    else:
        tree[last] = copy.deepcopy(change)  # a later change may be within it


def has(tree, key):
    return key in tree if isinstance(tree, dict) else isinstance(key, int) and key < len(tree)


def json_lies(draw, base, more=()):
    """A JSON text like `base` with up to three values that lie; `more` are lies that suit this format."""
    tree, ways = json.loads(json.dumps(base)), paths(base)
    for _ in range(draw.randint(0, 3)):
        changed(tree, draw.choice(ways), draw.choice([*CHANGES, *more]))
    written = json.dumps(tree)
    for word, raw in RAW.items():
        written = written.replace(word, raw)
    return written


# --- IDX ------------------------------------------------------------------------------------------------

IDX = struct.pack(">HBB3I", 0, 8, 3, 5, 3, 4) + bytes(range(60))
LABELS = struct.pack(">HBBI", 0, 8, 1, 5) + bytes(range(5))


def idx(draw):
    """Headers of any kind of number, any number of axes and any sizes, before any number of values."""
    kind = draw.choice([8] * 12 + [9, 13, 0, 255])
    sizes = draw.choice([[5], [5, 3, 4], [5, 3, 4], [], [5, 3, 4, 1]])
    sizes = [draw.choice(SIZES) if draw.randint(0, 5) == 0 else size for size in sizes]
    axes = draw.choice([len(sizes)] * 9 + [0, 1, 3, 255])
    right = math.prod(sizes)
    values = draw.choice([60, 5, 0, 59, 61, 12, 48]) if right > 5000 or draw.randint(0, 3) == 0 else right
    content = struct.pack(f">HBB{len(sizes)}I", 0, kind, axes, *sizes) + bytes(i % 251 for i in range(values))
    content = damaged(draw, content)
    return damaged(draw, gzip.compress(content, 1, mtime=0), 1) if draw.randint(0, 3) == 0 else content


# --- CIFAR-10 -------------------------------------------------------------------------------------------

RECORD = 3073
BATCH = b"".join(bytes([label]) + bytes([label * 9 % 256, 7, 255]) * 1024 for label in (3, 0, 9))


def cifar(draw):
    """The binary file of one batch: labels beyond 9, pixels missing or too many."""
    content = BATCH[: draw.choice([1, 2, 3, 3, 3]) * RECORD]
    if draw.randint(0, 3) == 0:
        where = draw.randint(0, len(content) // RECORD - 1) * RECORD
        content = content[:where] + bytes([draw.randint(0, 255)]) + content[where + 1 :]
    return damaged(draw, content)


def archive(members, form=tarfile.GNU_FORMAT, **about):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as packed:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for key, value in about.items():
                setattr(member, key, value)
            packed.addfile(member, io.BytesIO(content))
    return out.getvalue()


MEMBERS = [
    ("cifar/readme.html", b"hello"),
    ("cifar/data_batch_1.bin", BATCH),
    ("cifar/test_batch.bin", BATCH),
]
TARS = [
    archive(MEMBERS),
    archive([("x" * 120 + name, content) for name, content in MEMBERS]),
    archive(MEMBERS, tarfile.PAX_FORMAT, pax_headers={"comment": "hello", "mtime": "1.5"}),
]
# Where a header says what, and what it could say instead: octal, or base-256 with the first bit set.
TAR_SIZES = [
    *(b"%011o\0" % size for size in (0, 1, 511, 3073, 6146, 8**11 - 1)),
    *(b"\x80" + size.to_bytes(11) for size in (3073, 2**31, 2**32 - 1, 2**63, 2**64, 2**87)),
    *(b"\xff" * (12 - n) + (2 ** (8 * n) - 2**k).to_bytes(n) for n, k in ((8, 9), (8, 31), (11, 63))),
    *(b" " * 12, b"-0000000001\0", b"99999999999\0", b"\xff" * 12),
]
TAR_KINDS = [
    b"0",
    b"\0",
    b"1",
    b"2",
    b"3",
    b"5",
    b"6",
    b"7",
    b"S",
    b"L",
    b"K",
    b"x",
    b"g",
    b"X",
    b"A",
    b"\xff",
]
PAX_WORDS = [
    b"size=%d" % 2**63,
    b"size=-3073",
    b"size=-1",
    b"size=nan",
    b"GNU.sparse.major=1",
    b"GNU.sparse.minor=0",
    b"GNU.sparse.size=%d" % 2**62,
    b"GNU.sparse.realsize=-5",
    b"GNU.sparse.map=0,5,-7,9",
    b"GNU.sparse.map=0,a",
    b"GNU.sparse.offset=5",
    b"GNU.sparse.numbytes=x",
    b"GNU.sparse.name=../../test_batch.bin",
    b"path=\xff\xfe",
    b"hdrcharset=BINARY",
    b"mtime=inf",
    b"uid=9e999",
]


def with_checksum(content, at):
    """A member's header with its checksum made right, so that what it says is really read."""
    header = bytes(content[at : at + 148]) + b" " * 8 + bytes(content[at + 156 : at + 512])
    content[at + 148 : at + 156] = b"%06o\0 " % sum(header)


def tar(draw):
    """Archives whose members lie about size, kind and name, gzipped."""
    content = bytearray(draw.choice(TARS))
    for _ in range(draw.randint(0, 3)):
        at = draw.randint(0, 6) * 512
        how = draw.choice(["size", "size", "kind", "pax", "name", "any"])
        if how == "pax":
            word = draw.choice(PAX_WORDS)
            size = len(word) + 3 + len(str(len(word) + 4))
            line = b"%d %s\n" % (draw.choice([size, size, 0, 1, 10**20]), word)
            extra = bytearray(archive([("pax", line)]))[:1024]
            extra[156:157] = draw.choice([b"x", b"x", b"g"])
            with_checksum(extra, 0)
            content[at:at] = extra
            continue
        if how == "size":
            content[at + 124 : at + 136] = draw.choice(TAR_SIZES)
        elif how == "kind":
            content[at + 156 : at + 157] = draw.choice(TAR_KINDS)
        elif how == "name":
            name = draw.choice([b"/", b"../../test_batch.bin", b"test_batch.bin", b"\xff" * 100, b""])
            content[at : at + 100] = name.ljust(100, b"\0")
        else:
            content[at + draw.randint(0, 511)] = draw.randint(0, 255)
        with_checksum(content, at)
    content = damaged(draw, content) if draw.randint(0, 3) == 0 else bytes(content)
    packed = gzip.compress(content, 1, mtime=0)
    return damaged(draw, packed, 1) if draw.randint(0, 3) == 0 else packed


# --- PNG ------------------------------------------------------------------------------------------------


def chunk(kind, content, length=None, checksum=None):
    body = kind + content
    length = len(content) if length is None else length
    return (
        struct.pack(">I", length)
        + body
        + struct.pack(">I", zlib.crc32(body) if checksum is None else checksum)
    )


def png(width, height, depth=8, color=2, interlace=0, rows=None, extra=b""):
    """A PNG file; without `rows`, all its pixels are there and are zero."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(color, 1)
    if rows is None:
        row = 1 + -(-width * channels * depth // 8)
        packer = zlib.compressobj(9)
        parts = [packer.compress(bytes(row)) for _ in range(height * 2 if interlace else height)]
        rows = b"".join(parts) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace)
    palette = chunk(b"PLTE", bytes(range(48))) if color == 3 else b""
    body = chunk(b"IHDR", header) + palette + extra + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


PIXELS = zlib.compress(b"".join(b"\0" + bytes(range(i, i + 30)) for i in range(10)))
BOMB = zlib.compress(bytes(2**23), 9)
EXTRAS = [
    (b"PLTE", bytes(range(48))),
    (b"PLTE", bytes(5)),
    (b"PLTE", bytes(3000)),
    (b"tRNS", b"\0\1\0\2\0\3"),
    (b"tRNS", bytes(300)),
    (b"gAMA", bytes(4)),
    (b"gAMA", b""),
    (b"cHRM", bytes(3)),
    (b"pHYs", b"\xff" * 9),
    (b"sRGB", b""),
    (b"tEXt", b"Title\0hello"),
    (b"tEXt", b"\0" * 9),
    (b"zTXt", b"Comment\0\0" + BOMB),
    (b"zTXt", b"Comment\0\7" + BOMB),
    (b"zTXt", b"Comment"),
    (b"iTXt", b"Comment\0\1\0\0\0" + BOMB),
    (b"iTXt", b"Comment\0\1\5\0\0\xff"),
    (b"iCCP", b"profile\0\0" + BOMB),
    (b"iCCP", b"profile\0\3"),
    (b"iCCP", b""),
    (b"eXIf", b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"),  # lies on its side
    (b"eXIf", b"II*\0\xff\xff\xff\xff" + bytes(20)),
    (b"eXIf", b"MM\0*\0\0\0\x08\xff\xff" + bytes(range(200))),
    (b"acTL", struct.pack(">II", 2**31, 0)),
    (b"acTL", struct.pack(">II", 2, 0)),
    (b"fcTL", struct.pack(">IIIIIHHBB", 0, 10, 10, 0, 0, 1, 0, 9, 9)),
    (b"fcTL", struct.pack(">IIIIIHHBB", 1, 2**31, 10, 2**31, 0, 1, 0, 0, 0)),
    (b"fdAT", struct.pack(">I", 2) + PIXELS),
    (b"IDAT", PIXELS),
    (b"IDAT", b""),
    (b"IDAT", BOMB),
    (b"IEND", b""),
    (b"IHDR", struct.pack(">IIBBBBB", 2**31, 2**31, 8, 2, 0, 0, 0)),
    (b"IHDR", b""),
    (b"ABCD", b"unknown"),
    (b"\xff\0\xff\0", b""),
]


def pngs(draw):
    """Chunks that lie about sizes, depth, kind, length and checksum, left out, doubled or in any order."""
    size = [draw.choice([*SIZES, 2**20, 7745, 9000]) if draw.randint(0, 3) == 0 else 10 for _ in range(2)]
    how = [8, 2, 0, 0, 0]
    if draw.randint(0, 3) == 0:
        how[draw.randint(0, 4)] = draw.choice([0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 255])
    elif draw.randint(0, 3) == 0:
        how[:2] = draw.choice([(1, 0), (8, 0), (16, 0), (16, 2), (1, 3), (8, 3), (8, 4), (16, 6)])
    chunks = [
        [b"IHDR", struct.pack(">II5B", *size, *how)],
        [b"IDAT", draw.choice([PIXELS, PIXELS, BOMB])],
        [b"IEND", b""],
    ]
    for _ in range(draw.randint(0, 3)):
        chunks.insert(draw.randint(0, len(chunks)), list(draw.choice(EXTRAS)))
    if draw.randint(0, 3) == 0:
        del chunks[draw.randint(0, len(chunks) - 1)]
    if draw.randint(0, 3) == 0:  # a chunk's own length or checksum
        lengths = [None, 0, 5, 2**31 - 1, 2**31, 2**32 - 1]
        lie = (draw.choice(lengths), draw.choice([None, 0]))
        chunks[draw.randint(0, len(chunks) - 1)] += lie
    content = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)
    return damaged(draw, content) if draw.randint(0, 3) == 0 else content


# --- safetensors ----------------------------------------------------------------------------------------

KINDS = [
    "F32",
    "F64",
    "F16",
    "BF16",
    "I64",
    "I8",
    "U8",
    "U64",
    "BOOL",
    "F8_E4M3",
    "F8_E8M0",
    "C64",
    "F4",
    "X",
    "",
]
OFFSETS = [[0, 0], [4, 0], [-4, 8], [0, 2**31], [2**63, 2**64], [0, 2**64 - 1], [0, 8], [8, 24], [24, 8], [1]]
SHAPES = [
    [2**31, 2**31, 0],
    [2**62, 4],
    [2**64],
    [-1],
    [0],
    [],
    [2**32, 2**32],
    [1] * 40,
    [3, 2],
    [1] * 70,
    [2**63, 0],
]


def safetensors_like(draw, content, lies=None):
    """A safetensors file with a header that lies: names, kinds, shapes, offsets, its own length.

    lies: those that suit cnnkit's own description in the header, which then lies, too.
    """
    size = int.from_bytes(content[:8], "little")
    header, values = json.loads(content[8 : 8 + size]), content[8 + size :]
    if lies is not None and draw.random() < 0.7:
        about = json.loads(header["__metadata__"]["cnnkit"])
        header["__metadata__"]["cnnkit"] = json_lies(draw, about, lies)
        text = json.dumps(header) if draw.random() < 0.7 else json_lies(draw, header)
    else:
        text = json_lies(draw, header, [*KINDS, *OFFSETS, *SHAPES])
    if draw.randint(0, 3) == 0:  # values of another kind, as many bytes as said
        text = text.replace('"F32"', json.dumps(draw.choice(["I32", "U32", "F32"])))
    text = text.encode("utf-8", "surrogatepass")
    sizes = [len(text)] * 9 + [len(text) - 1, len(text) + 1, 0, 2**31, 2**63, 2**64 - 1, 100_000_001]
    written = struct.pack("<Q", draw.choice(sizes) % 2**64) + text + values
    return damaged(draw, written) if draw.randint(0, 3) == 0 else written


def models(draw, content):
    """Models whose description or arrays lie; `content` is an honest one."""
    layers = ["Layer", "_Weighted", "Dropout", "math", "ReLU", "Linear", 30_000, 2**20, [3, 2**19], "same"]
    return safetensors_like(draw, content, layers)


# --- notebooks and other JSON ---------------------------------------------------------------------------

STATE = {"application/vnd.cnnkit.state+json": {"exercise": "01.5", "state": {"stride": 2}}}
NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# Start\n", "[x](y)"]},
        {
            "cell_type": "code",
            "id": "b",
            "execution_count": 1,
            "metadata": {"tags": ["01.1", "solution"]},
            "outputs": [{"output_type": "display_data", "data": STATE, "metadata": {}}],
            "source": ["a = 1\n", "b = 2"],
        },
        {"cell_type": "code", "id": "b", "metadata": {}, "outputs": [], "source": "print(a)"},
        {"cell_type": "raw", "metadata": {}, "source": "", "attachments": {"x.png": {"image/png": "AA"}}},
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
PROGRESS = {
    "format": 1,
    "exercises": {
        "01.1": {
            "points": 1,
            "of": 3,
            "passed": "2024-05-01T10:00:00+00:00",
            "attempts": 2,
            "hints": 1,
            "solution_seen": False,
            "first_time": True,
        },
        "01.2": {"points": 0, "of": 2, "passed": None, "attempts": 1},
    },
}


def as_file(draw, text):
    """JSON as the bytes of a file: in an odd encoding, or damaged."""
    encodings = ["utf-8"] * 6 + ["utf-8-sig", "utf-16", "utf-32", "utf-16-be"]
    content = text.encode(draw.choice(encodings), "surrogatepass")
    return damaged(draw, content) if draw.randint(0, 3) == 0 else content


def notebooks(draw):
    kinds = ["code", "markdown", [{"cell_type": "code", "source": "x"}] * 3, {"tags": 5}]
    old = {"worksheets": [{"cells": NOTEBOOK["cells"]}], "nbformat": 3}
    return as_file(draw, json_lies(draw, draw.choice([NOTEBOOK, NOTEBOOK, NOTEBOOK, old]), kinds))


def progress(draw):
    return as_file(draw, json_lies(draw, PROGRESS, ["2024-05-01", "9999-99-99", 1_000_000, 1_000_001]))


def records(draw, content):
    """What was handed out into a folder; `content` is an honest record."""
    names = ["x" * 300, "x" * 5000, "C:x", "a\\b", "library/x", "01_x.new.ipynb", "1.0rc1", "v9" * 40, "\x7f"]
    return as_file(draw, json_lies(draw, json.loads(content), names))


def gathered(draw, content):
    """Messages as the grader keeps them, with lies about the arrays; `content` is an honest one."""
    head = struct.Struct("<8sIQ")
    magic, size, payload = head.unpack(content[: head.size])
    text, values = content[head.size : head.size + size], content[head.size + size :]
    lies = [
        {"$array": 0},
        {"$array": -1},
        {"$array": 2**31},
        "float64",
        "O",
        "complex64",
        [2**31, 2**33],
        [6],
    ]
    text = json_lies(draw, json.loads(text), lies).encode()
    sizes = [draw.choice([n] * 5 + [n - 1, 0, 2**31, 2**32 - 1]) for n in (len(text), payload)]
    content = head.pack(magic, *sizes) + text + values
    return damaged(draw, content) if draw.randint(0, 3) == 0 else content

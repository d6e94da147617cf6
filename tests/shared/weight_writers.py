"""Writes weight files as older PyTorch, Python 2 and other programs did, with this PyTorch."""
import collections
import io
import pickle
import struct
import sys
import tarfile
import types

import torch


class Python2Pickler(pickle._Pickler):
    """Texts are byte strings, and an OrderedDict is reduced to a list of pairs."""
    dispatch = dict(pickle._Pickler.dispatch)

    def save_text(self, text):
        data = text.encode()
        if self.bin:
            short = len(data) < 256
            self.write(b"U" + bytes([len(data)]) + data if short else b"T" + struct.pack("<i", len(data)) + data)
        else:
            self.write(b"S" + repr(text).encode() + b"\n")
        self.memoize(text)

    def save_ordered(self, ordered):
        state = dict(vars(ordered)) or None
        pairs = [[key, value] for key, value in ordered.items()]
        reduced = (collections.OrderedDict, (pairs,), state) if state else (collections.OrderedDict, (pairs,))
        self.save_reduce(*reduced, obj=ordered)

    dispatch[str] = save_text
    dispatch[collections.OrderedDict] = save_ordered


def python2():
    """A pickle module for torch.save."""
    def dump(value, file, protocol=2):
        Python2Pickler(file, protocol).dump(value)
    return types.SimpleNamespace(Pickler=Python2Pickler, dump=dump, __name__="pickle")


class Made:
    """Pickled as a call of `function`, with a state where there is one."""

    def __init__(self, function, *arguments, state=None):
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.reduced


def raw(storage):
    return torch.tensor([], dtype=torch.uint8).set_(storage.untyped()).numpy().tobytes()


def parts(tensor):
    return tensor.storage(), tensor.storage_offset(), tuple(tensor.size()), tensor.stride()


class View:
    """A storage that is a part of another, as PyTorch had them before 0.4."""

    def __init__(self, storage, offset, size):
        self.storage, self.offset, self.size = storage, offset, size


class ViewPickler(pickle._Pickler):
    """Of PyTorch's old files: knows tensors on views."""
    owner = None

    def persistent_id(self, thing):
        if not isinstance(thing, View):
            return type(self).owner(thing)
        found = list(type(self).owner(thing.storage))
        found[5] = (found[2] + "v", thing.offset, thing.size)
        return tuple(found)


def save_tar(state, path, views=(), protocol=2, pickler=pickle._Pickler):
    """As PyTorch 0.1 did; the tensors of the names in `views` lie on a view of a storage twice as long."""
    tensors, storages, seen = {}, {}, []

    def of_storage(storage):
        storages[storage._cdata] = storage
        return storage._cdata

    class Pickler(pickler):
        def persistent_id(self, thing):
            if not torch.is_tensor(thing):
                return None
            tensors[id(thing)] = thing
            return str(id(thing))

    def dump(value):
        out = io.BytesIO()
        pickler(out, protocol).dump(value)
        return out.getvalue()

    out = io.BytesIO()
    Pickler(out, protocol).dump(state)
    pickled = out.getvalue()
    names = {id(tensor): name for name, tensor in state.items()} if isinstance(state, dict) else {}
    members = {"sys_info": dump({"protocol_version": 1000, "little_endian": True,
                                 "type_sizes": {"short": 2, "int": 4, "long": 8}}), "pickle": pickled}
    described = dump(len(tensors))
    list_of_views = []
    for key, tensor in tensors.items():
        storage, offset, size, stride = parts(tensor)
        seen.append(storage)
        if names.get(key) in views:
            longer = torch.cat([torch.zeros(storage.size(), dtype=tensor.dtype),
                                torch.tensor([], dtype=tensor.dtype).set_(storage)]).storage()
            seen.append(longer)
            list_of_views.append((key + 1, of_storage(longer), storage.size(), storage.size()))
            number = key + 1
        else:
            number = of_storage(storage)
        described += dump((key, number, getattr(torch, storage.pickle_storage_type().replace("Storage", "Tensor"))))
        described += struct.pack("<q%dq%dqq" % (len(size), len(size)), len(size), *size, *stride, offset)
    members["tensors"] = described
    stored = dump(len(storages))
    for key, storage in storages.items():
        stored += dump((key, "cpu", getattr(torch, storage.pickle_storage_type())))
        stored += struct.pack("<q", storage.size()) + raw(storage)
    members["storages"] = stored + dump(list_of_views)
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as tar:
        for name in ("sys_info", "pickle", "tensors", "storages"):
            member = tarfile.TarInfo(name)
            member.size = len(members[name])
            tar.addfile(member, io.BytesIO(members[name]))


def save_safetensors(state, path):
    """Hugging Face's format, by hand: their library is no Debian package."""
    import json

    kinds = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16",
             torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8",
             torch.bool: "BOOL"}
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in state.items():
        content = raw(tensor.detach().contiguous().clone().storage())
        header[name] = {"dtype": kinds[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + data)

"""How exact the fast backend's convolutions and linear layers are at the shapes of the networks, 32 images of 224x224
and one: elements of what each pass makes against sums in double (tests/tools/kernel_errors.c).

What is due. The sum of L products of independent factors is about √L of one, and so is what it is when the k-th product
is added, √k. Each addition in float32 rounds it by up to 2⁻²⁴ of itself, evenly spread: at the end that is
2⁻²⁴·√(L/6) of the result. So errors are told in units of 2⁻²⁴·√L, and a plain sum has 0.4. In brackets is what was
found, on AVX-512, AVX2 and SSE4.1 alike:

  kernel                        root mean  largest  why
                                square due     due
  winograd                               4      48  F(4x4, 3x3): inputs, weights and results go through sums with
                                                    coefficients of up to 8, whose roundings the last of them spreads
                                                    over a tile, most over its corners: two bits are lost (1.8 and 16
                                                    were found)
  jit, jit_1x1, jit_dw, gemm             1      12  oneDNN: a plain sum, or several that are added in the end (0.5, 4)
  conv_1x1, depthwise, im2col, gemv,
  mbconv, matrix product                 1      12  ours: the same (0.4, 4)

Batch norms, activations, pools and sums have no sums of products. The statistics of batch norms are owed to 2e-5 of
their norm, which test_steps.py looks at with all else that a step is made of. They are summed up in double, and less a
value of the channel: float32 would lose the variance of one whose mean is large.
"""
import collections
import math

import tool

DUE = {"winograd": 4}  # else 1
LARGEST = 12  # times that


def test_no_kernel_is_less_exact_than_its_sums():
    found = collections.defaultdict(lambda: [0, 0, 0])
    lines = tool.run("kernel_errors", 32, 224, "resnet", "resnet50", "mobilenet", "efficientnet").stdout.decode()
    for line in lines.splitlines():
        layer, which, length, error, largest, kernel = line.split(" ", 5)
        unit = 2 ** -24 * math.sqrt(int(length))
        root, most = float(error) / unit, float(largest) / unit
        due = DUE.get(kernel.split(":")[0], 1)
        assert root <= due and most <= LARGEST * due, line
        for name in kernel, kernel.split(":")[0]:
            found[name] = [found[name][0] + 1, max(found[name][1], root), max(found[name][2], most)]
    for kernel, (count, root, most) in sorted(found.items()):
        print(f"{kernel}: {count} passes, {root:.2f}, {most:.2f}")
    assert len(lines.splitlines()) > 300

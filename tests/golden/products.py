"""Golden values of matrix products, products of vectors and Einstein summation."""

from recording import File, Random  # First, for it sets torch up.

import torch
import torch.nn.functional as F


def matmul():
    file = File("matmul")
    shapes = {
        "matrices": ([3, 4], [4, 5]),
        "batches": ([2, 3, 4], [2, 4, 5]),
        "broadcast batches": ([2, 1, 3, 4], [5, 4, 2]),
        "batch by matrix": ([2, 3, 4], [4, 5]),
        "matrix by batch": ([3, 4], [2, 4, 5]),
        "vectors": ([7], [7]),
        "vector by matrix": ([4], [4, 5]),
        "matrix by vector": ([3, 4], [4]),
        "vector by batch": ([4], [2, 4, 5]),
        "batch by vector": ([2, 3, 4], [4]),
        "blocks": ([19, 37], [37, 23]),
        "inner empty": ([2, 0], [0, 3]),
        "outer empty": ([0, 3], [3, 2]),
    }
    for case, (a, b) in shapes.items():
        random = Random(f"matmul {case}")
        second = case not in ["blocks"]
        file.case("matmul", case, torch.matmul, random.normal(*a), random.normal(*b), second=second)
    file.case("matmul(x,x)", "matrices", lambda x: x @ x, Random("x x").normal(4, 4), second=True)
    for case, shape in {
        "samples": [6, 4],
        "axes": [2, 3, 4],
        "vector": [4],
        "one sample": [1, 4],
        "no samples": [0, 4],
        "blocks": [21, 33],
    }.items():
        random = Random(f"linear {case}")
        x, weight, bias = random.normal(*shape), random.normal(5, shape[-1]), random.normal(5)
        second = case not in ["blocks"]
        file.case("linear", case, F.linear, x, weight, bias, second=second)
        file.case("linear without bias", case, F.linear, x, weight, second=second)
    return file


def vectors():
    file = File("vectors")
    for case, length in {"vectors": 7, "one": 1, "empty": 0, "long": 1500}.items():
        random = Random(f"dot {case}")
        a, b = random.normal(length), random.normal(length)
        file.case("dot", case, torch.dot, a, b, second=case != "long")
        if case != "long":
            file.case("dot(x,x)", case, lambda x: torch.dot(x, x), a, second=True)
    for case, (m, n) in {"vectors": (3, 4), "one": (1, 1), "empty": (0, 3), "empty second": (2, 0)}.items():
        random = Random(f"outer {case}")
        file.case("outer", case, torch.outer, random.normal(m), random.normal(n), second=True)
    for case, (bias, m, k, n) in {
        "matrix": ([3, 5], 3, 4, 5),
        "row": ([5], 3, 4, 5),
        "column": ([3, 1], 3, 4, 5),
        "scalar": ([], 3, 4, 5),
        "one": ([1, 1], 3, 4, 5),
        "inner empty": ([2, 3], 2, 0, 3),
        "outer empty": ([0, 2], 0, 3, 2),
        "blocks": ([19, 23], 19, 37, 23),
    }.items():
        random = Random(f"addmm {case}")
        bias, a, b = random.normal(*bias), random.normal(m, k), random.normal(k, n)
        file.case("addmm", case, torch.addmm, bias, a, b, second=case != "blocks")
    return file


EINSUMS = {
    "ij": [[2, 3]],
    "ba": [[2, 3]],
    "bA": [[2, 3]],
    "ij->": [[2, 3]],
    "ij->j": [[2, 3]],
    "ijk->ki": [[2, 3, 4]],
    "ii": [[3, 3]],
    "ii->i": [[3, 3]],
    "iij->ij": [[3, 3, 2]],
    "iji->j": [[3, 2, 3]],
    "iiii->i": [[2, 2, 2, 2]],
    "ijij->ji": [[2, 3, 2, 3]],
    "...": [[2, 3]],
    "...i->i...": [[2, 3, 4]],
    "b...a": [[2, 5, 3]],
    "i...->": [[2, 3]],
    "...ii->...i": [[2, 3, 3]],
    "": [[]],
    "i,j": [[2], [3]],
    "i,j->ji": [[2], [3]],
    "i,i": [[4], [4]],
    "i,i->i": [[4], [4]],
    "i,->i": [[3], []],
    ",": [[], []],
    "ij,j": [[2, 3], [3]],
    "j,ij->i": [[3], [2, 3]],
    "ij,jk": [[2, 3], [3, 4]],
    "ij,jk->ki": [[2, 3], [3, 4]],
    "ij,kj": [[2, 3], [4, 3]],
    "ij,ij": [[2, 3], [2, 3]],
    "ij,ij->ij": [[2, 3], [2, 3]],
    "ij,ji->": [[2, 3], [3, 2]],
    "ij,kl->": [[2, 3], [4, 2]],
    "ij,k->kj": [[2, 3], [4]],
    "bij,bjk->bik": [[2, 3, 4], [2, 4, 5]],
    "bij,jk->bik": [[2, 3, 4], [4, 5]],
    "ij,bjk->bik": [[3, 4], [2, 4, 5]],
    "bhid,bhjd->bhij": [[2, 2, 3, 4], [2, 2, 5, 4]],
    "bn,anm,bm->ba": [[2, 3], [4, 3, 2], [2, 2]],
    "ij,jk,kl": [[2, 3], [3, 4], [4, 2]],
    "i,i,i->i": [[3], [3], [3]],
    "i,j,k->kij": [[2], [3], [4]],
    "iij,jii->": [[2, 2, 3], [3, 2, 2]],
    "ijkl,lkm->jim": [[2, 3, 4, 2], [2, 4, 3]],
    "...ij,...jk": [[2, 1, 3, 4], [5, 4, 2]],
    "...ij,...jk->...ik": [[2, 3, 4], [4, 2]],
    "...,...": [[2, 1, 3], [4, 3]],
    "i...,i...->...": [[2, 3], [2, 3]],
    "...ij,...jk->ik": [[2, 3, 4], [2, 4, 5]],
    "ij,jk->ik": [[2, 1], [3, 2]],
    "ii,i->i": [[3, 3], [1]],
    "ij , jk -> i k": [[2, 0], [0, 3]],
    "ab,bc->ac": [[0, 2], [2, 3]],
    "ab,bc->abc": [[0, 2], [2, 3]],
}


def einsum():
    file = File("einsum")
    for equation, shapes in EINSUMS.items():
        random = Random(f"einsum {equation}")
        operands = [random.normal(*shape) for shape in shapes]
        function = lambda *operands, equation=equation: torch.einsum(equation, *operands)
        file.case(f"einsum({equation})", "normal", function, *operands, second=True)
    return file

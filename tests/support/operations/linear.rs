//! Matrix products, products of vectors, Einstein summation.

use super::Domain::Signed;
use super::Entry;
use super::golden::golden;
use cotangent::Tensor;

/// Equations and the shapes of their operands.
macro_rules! equations {
    ($($equation:literal $shapes:literal,)*) => {
        vec![$(
            golden("einsum", concat!("einsum(", $equation, ")"), |x| {
                Tensor::einsum($equation, &x.tensors.iter().collect::<Vec<_>>())
            })
            .torch(concat!("torch.einsum('", $equation, "', *operands)"),
                concat!("einsum(", $shapes, ")"))
            .sums()
        ),*]
    };
}

/// Matrix products, products of vectors, Einstein summation.
pub fn linear() -> Vec<Entry> {
    operations! { [m, k, n]
        matmul {
            check "vector by vector", Signed: (k) (k) => (), |x| x[0].matmul(&x[1]);
            check "vector by matrix", Signed: (k) (k, n) => (n), |x| x[0].matmul(&x[1]);
            check "matrix by vector", Signed: (m, k) (k) => (m), |x| x[0].matmul(&x[1]);
            check "matrix by matrix", Signed: (m, k) (k, n) => (m, n), |x| x[0].matmul(&x[1]);
            check "stack by stack", Signed: (2, m, k) (2, k, n) => (2, m, n),
                |x| x[0].matmul(&x[1]);
            check "stack by matrix", Signed: (2, m, k) (k, n) => (2, m, n), |x| x[0].matmul(&x[1]);
            check "matrix by stack", Signed: (m, k) (2, k, n) => (2, m, n), |x| x[0].matmul(&x[1]);
            check "broadcast stacks", Signed: (2, 1, m, k) (3, k, n) => (2, 3, m, n),
                |x| x[0].matmul(&x[1]);
            check "stack by vector", Signed: (2, m, k) (k) => (2, m), |x| x[0].matmul(&x[1]);
            check "vector by stack", Signed: (k) (2, k, n) => (2, n), |x| x[0].matmul(&x[1]);
            check "empty stack by matrix", Signed: (0, m, k) (k, n) => (0, m, n),
                |x| x[0].matmul(&x[1]);
            check "x by its transpose", Signed: (m, k) => (m, m),
                |x| x[0].matmul(&x[0].transpose(0, 1)?);
            check "transpose of x by x", Signed: (m, k) => (k, k),
                |x| x[0].transpose(0, 1)?.matmul(&x[0]);
            check "transposed stack by matrix", Signed: (2, k, m) (k, n) => (2, m, n),
                |x| x[0].transpose(1, 2)?.matmul(&x[1]);
            check "stack by a stack of one", Signed: (2, m, k) (1, k, n) => (2, m, n),
                |x| x[0].matmul(&x[1]);
            golden golden("matmul", "matmul", |x| x[0].matmul(&x[1]))
                .torch("torch.matmul(x, y)", "matmul()").sums();
            golden golden("matmul", "matmul(x,x)", |x| x[0].matmul(&x[0]))
                .torch("x @ x", "case('matrices', Random('x x').normal(4, 4))").sums();
            draw 2 Close |x, p| x[0].matmul(&x[1]);
        }
        linear {
            check "linear", Signed: (m, k) (n, k) (n) => (m, n),
                |x| x[0].linear(&x[1], Some(&x[2]));
            check "linear without bias", Signed: (m, k) (n, k) => (m, n),
                |x| x[0].linear(&x[1], None);
            check "linear of a stack", Signed: (2, m, k) (n, k) (n) => (2, m, n),
                |x| x[0].linear(&x[1], Some(&x[2]));
            check "linear of a vector", Signed: (k) (n, k) (n) => (n),
                |x| x[0].linear(&x[1], Some(&x[2]));
            check "linear of x with x", Signed: (m, k) => (m, m), |x| x[0].linear(&x[0], None);
            golden golden("matmul", "linear", |x| x[0].linear(&x[1], Some(&x[2])))
                .torch("F.linear(x, y, z)", "linear()").sums();
            golden golden("matmul", "linear without bias", |x| x[0].linear(&x[1], None))
                .torch("F.linear(x, y)", "linear(2)").sums();
            draw 3 Close |x, p| x[0].linear(&x[1], p.flag.then_some(&x[2]));
        }
        addmm {
            check "addmm", Signed: (m, n) (m, k) (k, n) => (m, n), |x| x[0].addmm(&x[1], &x[2]);
            check "addmm of a row", Signed: (n) (m, k) (k, n) => (m, n),
                |x| x[0].addmm(&x[1], &x[2]);
            check "addmm of a column", Signed: (m, 1) (m, k) (k, n) => (m, n),
                |x| x[0].addmm(&x[1], &x[2]);
            check "addmm of a scalar", Signed: () (m, k) (k, n) => (m, n),
                |x| x[0].addmm(&x[1], &x[2]);
            check "addmm of x with x", Signed: (4, 4) => (4, 4), |x| x[0].addmm(&x[0], &x[0]);
            golden golden("vectors", "addmm", |x| x[0].addmm(&x[1], &x[2]))
                .torch("torch.addmm(x, y, z)", "addmm()").sums();
            draw 3 Close |x, p| x[0].addmm(&x[1], &x[2]);
        }
        dot {
            check "dot", Signed: (k) (k) => (), |x| x[0].dot(&x[1]);
            check "dot of x with x", Signed: (k) => (), |x| x[0].dot(&x[0]);
            golden golden("vectors", "dot", |x| x[0].dot(&x[1]))
                .torch("torch.dot(x, y)", "dot()").sums();
            golden golden("vectors", "dot(x,x)", |x| x[0].dot(&x[0]))
                .torch("torch.dot(x, x)", "dot(1)").sums();
            draw 2 Close |x, p| x[0].dot(&x[1]);
        }
        outer {
            check "outer", Signed: (m) (k) => (m, k), |x| x[0].outer(&x[1]);
            golden golden("vectors", "outer", |x| x[0].outer(&x[1]))
                .torch("torch.outer(x, y)", "outer()").sums();
            draw 2 Close |x, p| x[0].outer(&x[1]);
        }
        einsum {
            check "einsum ij->ji", Signed: (m, k) => (k, m), |x| Tensor::einsum("ij->ji", &[&x[0]]);
            check "einsum ijk->ik", Signed: (m, k, n) => (m, n),
                |x| Tensor::einsum("ijk->ik", &[&x[0]]);
            check "einsum ii", Signed: (3, 3) => (), |x| Tensor::einsum("ii", &[&x[0]]);
            check "einsum iij->ji", Signed: (m, m, k) => (k, m),
                |x| Tensor::einsum("iij->ji", &[&x[0]]);
            check "einsum i,j->ji", Signed: (m) (k) => (k, m),
                |x| Tensor::einsum("i,j->ji", &[&x[0], &x[1]]);
            check "einsum ij,ij->i", Signed: (m, k) (m, k) => (m),
                |x| Tensor::einsum("ij,ij->i", &[&x[0], &x[1]]);
            check "einsum ij,jk", Signed: (m, k) (k, n) => (m, n),
                |x| Tensor::einsum("ij,jk", &[&x[0], &x[1]]);
            check "einsum bij,bkj->bik", Signed: (2, m, k) (2, n, k) => (2, m, n),
                |x| Tensor::einsum("bij,bkj->bik", &[&x[0], &x[1]]);
            check "einsum ijl,jl->i", Signed: (m, k, n) (k, n) => (m),
                |x| Tensor::einsum("ijl,jl->i", &[&x[0], &x[1]]);
            check "einsum ...ij,jk->...ik", Signed: (2, m, k) (k, n) => (2, m, n),
                |x| Tensor::einsum("...ij,jk->...ik", &[&x[0], &x[1]]);
            check "einsum ij,jk,kl->il", Signed: (m, k) (k, n) (n, m) => (m, m),
                |x| Tensor::einsum("ij,jk,kl->il", &[&x[0], &x[1], &x[2]]);
            golden equations! {
                "ij" "[2, 3]",
                "ba" "[2, 3]",
                "bA" "[2, 3]",
                "ij->" "[2, 3]",
                "ij->j" "[2, 3]",
                "ijk->ki" "[2, 3, 4]",
                "ii" "[3, 3]",
                "ii->i" "[3, 3]",
                "iij->ij" "[3, 3, 2]",
                "iji->j" "[3, 2, 3]",
                "iiii->i" "[2, 2, 2, 2]",
                "ijij->ji" "[2, 3, 2, 3]",
                "..." "[2, 3]",
                "...i->i..." "[2, 3, 4]",
                "b...a" "[2, 5, 3]",
                "i...->" "[2, 3]",
                "...ii->...i" "[2, 3, 3]",
                "" "[]",
                "i,j" "[2], [3]",
                "i,j->ji" "[2], [3]",
                "i,i" "[4], [4]",
                "i,i->i" "[4], [4]",
                "i,->i" "[3], []",
                "," "[], []",
                "ij,j" "[2, 3], [3]",
                "j,ij->i" "[3], [2, 3]",
                "ij,jk" "[2, 3], [3, 4]",
                "ij,jk->ki" "[2, 3], [3, 4]",
                "ij,kj" "[2, 3], [4, 3]",
                "ij,ij" "[2, 3], [2, 3]",
                "ij,ij->ij" "[2, 3], [2, 3]",
                "ij,ji->" "[2, 3], [3, 2]",
                "ij,kl->" "[2, 3], [4, 2]",
                "ij,k->kj" "[2, 3], [4]",
                "bij,bjk->bik" "[2, 3, 4], [2, 4, 5]",
                "bij,jk->bik" "[2, 3, 4], [4, 5]",
                "ij,bjk->bik" "[3, 4], [2, 4, 5]",
                "bhid,bhjd->bhij" "[2, 2, 3, 4], [2, 2, 5, 4]",
                "bn,anm,bm->ba" "[2, 3], [4, 3, 2], [2, 2]",
                "ij,jk,kl" "[2, 3], [3, 4], [4, 2]",
                "i,i,i->i" "[3], [3], [3]",
                "i,j,k->kij" "[2], [3], [4]",
                "iij,jii->" "[2, 2, 3], [3, 2, 2]",
                "ijkl,lkm->jim" "[2, 3, 4, 2], [2, 4, 3]",
                "...ij,...jk" "[2, 1, 3, 4], [5, 4, 2]",
                "...ij,...jk->...ik" "[2, 3, 4], [4, 2]",
                "...,..." "[2, 1, 3], [4, 3]",
                "i...,i...->..." "[2, 3], [2, 3]",
                "...ij,...jk->ik" "[2, 3, 4], [2, 4, 5]",
                "ij,jk->ik" "[2, 1], [3, 2]",
                "ii,i->i" "[3, 3], [1]",
                "ij , jk -> i k" "[2, 0], [0, 3]",
                "ab,bc->ac" "[0, 2], [2, 3]",
                "ab,bc->abc" "[0, 2], [2, 3]",
            };
            draw 1 Close |x, p| Tensor::einsum(&p.equation, &[&x[0]]);
            draw 2 Close |x, p| Tensor::einsum(&p.equation, &[&x[0], &x[1]]);
            draw 3 Close |x, p| Tensor::einsum(&p.equation, &[&x[0], &x[1], &x[2]]);
        }
    }
}

//! Products.

use super::Domain::Signed;
use super::Operation;
use cotangent::Tensor;

/// Matrix products, products of vectors, Einstein summation.
pub fn products() -> Vec<Operation> {
    operations! { [m, k, n]
        "vector by vector", Signed: (k) (k) => (), |x| x[0].matmul(&x[1]);
        "vector by matrix", Signed: (k) (k, n) => (n), |x| x[0].matmul(&x[1]);
        "matrix by vector", Signed: (m, k) (k) => (m), |x| x[0].matmul(&x[1]);
        "matrix by matrix", Signed: (m, k) (k, n) => (m, n), |x| x[0].matmul(&x[1]);
        "stack by stack", Signed: (2, m, k) (2, k, n) => (2, m, n), |x| x[0].matmul(&x[1]);
        "stack by matrix", Signed: (2, m, k) (k, n) => (2, m, n), |x| x[0].matmul(&x[1]);
        "matrix by stack", Signed: (m, k) (2, k, n) => (2, m, n), |x| x[0].matmul(&x[1]);
        "broadcast stacks", Signed: (2, 1, m, k) (3, k, n) => (2, 3, m, n), |x| x[0].matmul(&x[1]);
        "stack by vector", Signed: (2, m, k) (k) => (2, m), |x| x[0].matmul(&x[1]);
        "vector by stack", Signed: (k) (2, k, n) => (2, n), |x| x[0].matmul(&x[1]);
        "empty stack by matrix", Signed: (0, m, k) (k, n) => (0, m, n), |x| x[0].matmul(&x[1]);
        "x by its transpose", Signed: (m, k) => (m, m), |x| x[0].matmul(&x[0].transpose(0, 1)?);
        "transpose of x by x", Signed: (m, k) => (k, k), |x| x[0].transpose(0, 1)?.matmul(&x[0]);
        "linear", Signed: (m, k) (n, k) (n) => (m, n), |x| x[0].linear(&x[1], Some(&x[2]));
        "linear without bias", Signed: (m, k) (n, k) => (m, n), |x| x[0].linear(&x[1], None);
        "linear of a stack", Signed: (2, m, k) (n, k) (n) => (2, m, n), |x| x[0].linear(&x[1], Some(&x[2]));
        "linear of a vector", Signed: (k) (n, k) (n) => (n), |x| x[0].linear(&x[1], Some(&x[2]));
        "linear of x with x", Signed: (m, k) => (m, m), |x| x[0].linear(&x[0], None);
        "transposed stack by matrix", Signed: (2, k, m) (k, n) => (2, m, n),
            |x| x[0].transpose(1, 2)?.matmul(&x[1]);
        "stack by a stack of one", Signed: (2, m, k) (1, k, n) => (2, m, n), |x| x[0].matmul(&x[1]);
        "dot", Signed: (k) (k) => (), |x| x[0].dot(&x[1]);
        "dot of x with x", Signed: (k) => (), |x| x[0].dot(&x[0]);
        "outer", Signed: (m) (k) => (m, k), |x| x[0].outer(&x[1]);
        "addmm", Signed: (m, n) (m, k) (k, n) => (m, n), |x| x[0].addmm(&x[1], &x[2]);
        "addmm of a row", Signed: (n) (m, k) (k, n) => (m, n), |x| x[0].addmm(&x[1], &x[2]);
        "addmm of a column", Signed: (m, 1) (m, k) (k, n) => (m, n), |x| x[0].addmm(&x[1], &x[2]);
        "addmm of a scalar", Signed: () (m, k) (k, n) => (m, n), |x| x[0].addmm(&x[1], &x[2]);
        "addmm of x with x", Signed: (4, 4) => (4, 4), |x| x[0].addmm(&x[0], &x[0]);
        "einsum ij->ji", Signed: (m, k) => (k, m), |x| Tensor::einsum("ij->ji", &[&x[0]]);
        "einsum ijk->ik", Signed: (m, k, n) => (m, n), |x| Tensor::einsum("ijk->ik", &[&x[0]]);
        "einsum ii", Signed: (3, 3) => (), |x| Tensor::einsum("ii", &[&x[0]]);
        "einsum iij->ji", Signed: (m, m, k) => (k, m), |x| Tensor::einsum("iij->ji", &[&x[0]]);
        "einsum i,j->ji", Signed: (m) (k) => (k, m), |x| Tensor::einsum("i,j->ji", &[&x[0], &x[1]]);
        "einsum ij,ij->i", Signed: (m, k) (m, k) => (m), |x| Tensor::einsum("ij,ij->i", &[&x[0], &x[1]]);
        "einsum ij,jk", Signed: (m, k) (k, n) => (m, n), |x| Tensor::einsum("ij,jk", &[&x[0], &x[1]]);
        "einsum bij,bkj->bik", Signed: (2, m, k) (2, n, k) => (2, m, n),
            |x| Tensor::einsum("bij,bkj->bik", &[&x[0], &x[1]]);
        "einsum ijl,jl->i", Signed: (m, k, n) (k, n) => (m), |x| Tensor::einsum("ijl,jl->i", &[&x[0], &x[1]]);
        "einsum ...ij,jk->...ik", Signed: (2, m, k) (k, n) => (2, m, n),
            |x| Tensor::einsum("...ij,jk->...ik", &[&x[0], &x[1]]);
        "einsum ij,jk,kl->il", Signed: (m, k) (k, n) (n, m) => (m, m),
            |x| Tensor::einsum("ij,jk,kl->il", &[&x[0], &x[1], &x[2]]);
    }
}

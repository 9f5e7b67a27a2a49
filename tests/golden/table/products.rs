//! Matrix products, products of vectors, Einstein summation.

use crate::operation::{Operation, op};
use cotangent::Tensor;

pub fn matmul() -> Vec<Operation> {
    vec![
        op("matmul", |x| x[0].matmul(&x[1])).sums(),
        op("matmul(x,x)", |x| x[0].matmul(&x[0])).sums(),
        op("linear", |x| x[0].linear(&x[1], Some(&x[2]))).sums(),
        op("linear without bias", |x| x[0].linear(&x[1], None)).sums(),
    ]
}

pub fn vectors() -> Vec<Operation> {
    vec![
        op("dot", |x| x[0].dot(&x[1])).sums(),
        op("dot(x,x)", |x| x[0].dot(&x[0])).sums(),
        op("outer", |x| x[0].outer(&x[1])).sums(),
        op("addmm", |x| x[0].addmm(&x[1], &x[2])).sums(),
    ]
}

macro_rules! equations {
    ($($equation:literal),* $(,)?) => {
        vec![$(
            op(concat!("einsum(", $equation, ")"), |x| {
                Tensor::einsum($equation, &x.tensors.iter().collect::<Vec<_>>())
            })
            .sums()
        ),*]
    };
}

pub fn einsum() -> Vec<Operation> {
    equations![
        "ij",
        "ba",
        "bA",
        "ij->",
        "ij->j",
        "ijk->ki",
        "ii",
        "ii->i",
        "iij->ij",
        "iji->j",
        "iiii->i",
        "ijij->ji",
        "...",
        "...i->i...",
        "b...a",
        "i...->",
        "...ii->...i",
        "",
        "i,j",
        "i,j->ji",
        "i,i",
        "i,i->i",
        "i,->i",
        ",",
        "ij,j",
        "j,ij->i",
        "ij,jk",
        "ij,jk->ki",
        "ij,kj",
        "ij,ij",
        "ij,ij->ij",
        "ij,ji->",
        "ij,kl->",
        "ij,k->kj",
        "bij,bjk->bik",
        "bij,jk->bik",
        "ij,bjk->bik",
        "bhid,bhjd->bhij",
        "bn,anm,bm->ba",
        "ij,jk,kl",
        "i,i,i->i",
        "i,j,k->kij",
        "iij,jii->",
        "ijkl,lkm->jim",
        "...ij,...jk",
        "...ij,...jk->...ik",
        "...,...",
        "i...,i...->...",
        "...ij,...jk->ik",
        "ij,jk->ik",
        "ii,i->i",
        "ij , jk -> i k",
        "ab,bc->ac",
        "ab,bc->abc",
    ]
}

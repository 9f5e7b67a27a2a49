//! Nodes of the graph. They are numbered in the order of creation, so that parents always have
//! smaller numbers.

use super::observer::Observer;
use super::op::{Cotangents, Op, Vjp};
use super::tensor::Tensor;
use crate::error::Result;
use crate::kernel::threads::panics::FirstPanic;
use crate::tensor::{Array, DType, Shape};
use smallvec::SmallVec;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, TryLockError};

/// One edge per operand; `None` for an operand that needs no gradient.
pub(crate) type Parents = SmallVec<[Option<Arc<Node>>; 3]>;

/// How a tracked tensor was computed: the operands' nodes and, in the same allocation, the
/// operation.
///
/// A thread that waits for others in a parallel region may run another task meanwhile, and that
/// task may reach the same node. Therefore no thread ever waits at a node: `links` is locked only
/// to be read or replaced, and `slot` is only tried. Backward passes that run side by side share
/// the slot. The pass that uses the operation up takes the links first; the last user of the
/// operation drops it.
pub(crate) struct Node<S: Slot + ?Sized = dyn Slot> {
    /// The creation number: larger than those of all parents.
    pub id: u64,
    /// The operation's name, or `leaf`.
    pub name: &'static str,
    /// The shape of the tensor.
    pub shape: Shape,
    /// Its dtype.
    pub dtype: DType,
    /// The observer of this node and of everything computed from it.
    pub observer: Option<Arc<dyn Observer>>,
    links: Mutex<Links>,
    slot: RwLock<S>,
}

/// The origin of a node.
#[derive(Clone)]
pub(crate) enum Links {
    /// No operands: a leaf.
    Leaf,
    /// A leaf whose gradient only an observer sees: a frozen parameter.
    Frozen,
    /// The operands of an operation whose saved values are there.
    To(Parents),
    /// An operation whose saved values backward has used up.
    Consumed,
}

/// The parts of a node that are of one type for all operations, so that functions of them are
/// compiled once.
pub(crate) struct Origin {
    pub(super) shape: Shape,
    pub(super) dtype: DType,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) parents: Parents,
}

impl Origin {
    pub(crate) fn of(output: &Array, inputs: &[&Tensor]) -> Self {
        let parents: Parents = inputs.iter().map(|input| input.node().cloned()).collect();
        Self {
            shape: output.shape().clone(),
            dtype: output.dtype(),
            observer: parents.iter().flatten().find_map(|p| p.observer.clone()),
            parents,
        }
    }
}

/// The place of an operation in its node.
pub(crate) trait Slot: Send + Sync + 'static {
    fn op(&self) -> Option<&dyn Op>;
    /// Drops the operation and its saved values.
    fn clear(&mut self);
    /// Moves the operation out, to be dropped later.
    fn take(&mut self) -> Option<Box<dyn Op>>;
}

impl<O: Op> Slot for Option<O> {
    fn op(&self) -> Option<&dyn Op> {
        self.as_ref().map(|op| op as &dyn Op)
    }
    fn clear(&mut self) {
        *self = None;
    }
    fn take(&mut self) -> Option<Box<dyn Op>> {
        Some(Box::new(Self::take(self)?))
    }
}

/// The operation of a leaf, which has none.
enum Nothing {}

impl Op for Nothing {
    fn name(&self) -> &'static str {
        match *self {}
    }
    fn vjp(&self, _: Tensor, _: &Vjp) -> Result<Cotangents> {
        match *self {}
    }
}

impl Node {
    pub(crate) fn leaf(shape: Shape, dtype: DType) -> Arc<Self> {
        Arc::new(Node {
            id: next_id(),
            name: "leaf",
            shape,
            dtype,
            observer: None,
            links: Mutex::new(Links::Leaf),
            slot: RwLock::new(None::<Nothing>),
        })
    }

    pub(crate) fn new<O: Op>(origin: Origin, op: O) -> Arc<Self> {
        Arc::new(Node {
            id: next_id(),
            name: op.name(),
            shape: origin.shape,
            dtype: origin.dtype,
            observer: origin.observer,
            links: Mutex::new(Links::To(origin.parents)),
            slot: RwLock::new(Some(op)),
        })
    }

    /// Returns a leaf of the same identity that `observer` watches. Backward drops the gradient of
    /// a `frozen` one.
    pub(crate) fn observed(&self, observer: &Arc<dyn Observer>, frozen: bool) -> Arc<Self> {
        let links = if frozen { Links::Frozen } else { Links::Leaf };
        Arc::new(Node {
            id: self.id,
            name: self.name,
            shape: self.shape.clone(),
            dtype: self.dtype,
            observer: Some(Arc::clone(observer)),
            links: Mutex::new(links),
            slot: RwLock::new(None::<Nothing>),
        })
    }

    /// Returns the links; unless `keep`, those of an operation are replaced by `Consumed`.
    pub(crate) fn links(&self, keep: bool) -> Links {
        let mut links = lock(&self.links);
        if keep { links.clone() } else { links.take() }
    }

    /// Returns the operation, shared with all concurrent users; `None` if it is used up.
    pub(crate) fn slot(&self) -> Option<RwLockReadGuard<'_, dyn Slot>> {
        match self.slot.try_read() {
            Ok(slot) => Some(slot),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            // Only `release` takes the exclusive lock.
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Drops the operation if backward has used it up and no other thread is using it. Called after
    /// each use, so that the last user drops it.
    fn release(&self) {
        if !self.is_consumed() {
            return;
        }
        let op = match self.slot.try_write() {
            Ok(mut slot) => slot.take(),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().take(),
            Err(TryLockError::WouldBlock) => None,
        };
        // Dropped after the lock is released.
        drop(op);
    }

    /// Returns the links and the operation of a node that nothing else holds.
    #[inline]
    pub(crate) fn parts(&mut self) -> (&mut Links, Operation<'_>) {
        let links = self.links.get_mut();
        let slot = self.slot.get_mut();
        (
            links.unwrap_or_else(PoisonError::into_inner),
            Operation::Own(slot.unwrap_or_else(PoisonError::into_inner)),
        )
    }

    /// Returns the operands' nodes: none for a leaf or a node that backward has used up.
    pub(crate) fn parents(&self) -> Parents {
        match &*lock(&self.links) {
            Links::To(parents) => parents.clone(),
            Links::Leaf | Links::Frozen | Links::Consumed => Parents::new(),
        }
    }

    /// Returns whether this is a leaf.
    pub(crate) fn is_leaf(&self) -> bool {
        matches!(&*lock(&self.links), Links::Leaf | Links::Frozen)
    }

    /// Returns whether backward has used this node up.
    pub(crate) fn is_consumed(&self) -> bool {
        matches!(&*lock(&self.links), Links::Consumed)
    }
}

/// The access that backward has to the operation of a node.
pub(crate) enum Operation<'a> {
    /// Exclusive; the operation is dropped after its use.
    Own(&'a mut dyn Slot),
    /// Shared with other passes; dropped after the last use if one of them took the links.
    Shared(&'a Node),
}

impl Operation<'_> {
    /// Computes the vector-Jacobian product; `None` if the operation is used up.
    #[inline]
    pub(crate) fn vjp(self, cotangent: Tensor, context: &Vjp) -> Option<Result<Cotangents>> {
        match self {
            Self::Own(slot) => {
                let cotangents = slot.op()?.vjp(cotangent, context);
                slot.clear();
                Some(cotangents)
            }
            Self::Shared(node) => {
                let cotangents = node
                    .slot()
                    .and_then(|slot| Some(slot.op()?.vjp(cotangent, context)));
                node.release();
                cotangents
            }
        }
    }
}

impl Links {
    fn take(&mut self) -> Self {
        match self {
            Self::To(..) => std::mem::replace(self, Self::Consumed),
            other => other.clone(),
        }
    }
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Relaxed)
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The value is replaced as a whole, so a panic cannot leave it half-written.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} #{} {}", self.name, self.id, self.shape)
    }
}

thread_local! {
    /// Edges still to drop of nodes whose drop has begun on this thread. Never dropped itself: when
    /// the thread ends, other thread-local values may still drop graphs.
    static DROPPING: RefCell<ManuallyDrop<Option<Vec<Parents>>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };
}

impl<S: Slot + ?Sized> Drop for Node<S> {
    /// Drops a graph without recursion, which would overflow the stack in a long chain: the
    /// outermost drop collects the edges of all nodes and drops them in a loop. An operation's
    /// saved values hold only its operands' nodes, and those are still among the edges when it is
    /// dropped.
    ///
    /// If an operation's own `Drop` panics, the rest is dropped before the panic resumes.
    fn drop(&mut self) {
        let links = self.links.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Links::To(parents) = links.take() {
            let slot = self.slot.get_mut().unwrap_or_else(PoisonError::into_inner);
            release(parents, &mut || slot.clear());
        }
    }
}

/// Drops the edges of a node and, by `clear`, its operation.
fn release(parents: Parents, clear: &mut dyn FnMut()) {
    DROPPING.with(|queue| {
        let first = {
            let mut pending = queue.borrow_mut();
            let first = pending.is_none();
            pending.get_or_insert_with(Vec::new).push(parents);
            first
        };
        let panic = FirstPanic::new();
        panic.catch(clear);
        if first {
            loop {
                // The borrow must end before the drop, which may enter this function again.
                let next = queue.borrow_mut().as_mut().and_then(Vec::pop);
                let Some(next) = next else { break };
                panic.catch(|| drop(next));
            }
            drop(queue.borrow_mut().take());
        }
        // A second panic during unwinding would abort the process.
        if std::thread::panicking() {
            panic.clear();
        }
        panic.resume();
    });
}

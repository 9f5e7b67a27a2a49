//! Nodes of the graph, numbered as they are created, so that parents always have smaller numbers.

use super::observer::Observer;
use super::op::{Cotangents, Op, Vjp};
use super::tensor::Tensor;
use crate::error::Result;
use crate::kernel::threads::panics::FirstPanic;
use crate::tensor::{DType, Shape};
use smallvec::SmallVec;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, TryLockError};

/// One edge per operand; none to what needs no gradient.
pub(crate) type Parents = SmallVec<[Option<Arc<Node>>; 3]>;

/// How a tracked tensor was made: what it was computed from, and in one piece with that the
/// operation, of whatever type it is.
///
/// A thread that waits for others in a parallel region may be given another task meanwhile, which
/// may come to the same node. So nobody ever waits at a node: `links` is locked only to be read or
/// replaced, and `slot` is only tried. It is shared by all backward passes that use the operation,
/// side by side; the one that uses the operation up takes the links first, and whoever is the last
/// to use the operation drops it.
pub(crate) struct Node<S: Slot + ?Sized = dyn Slot> {
    /// The creation number: larger than those of all parents.
    pub id: u64,
    /// The operation's name, or `leaf`.
    pub name: &'static str,
    /// The shape of the tensor that the node made.
    pub shape: Shape,
    /// Its dtype.
    pub dtype: DType,
    /// Who is shown the values here and in all that is computed from this.
    pub observer: Option<Arc<dyn Observer>>,
    links: Mutex<Links>,
    slot: RwLock<S>,
}

/// What a node was made from.
#[derive(Clone)]
pub(crate) enum Links {
    /// Nothing: the graph begins here.
    Leaf,
    /// Likewise, but nobody but an observer asks for the gradient: a frozen parameter.
    Frozen,
    /// The operands of an operation that is ready for its vector-Jacobian product.
    To(Parents),
    /// An operation that backward has used up, with its saved values.
    Consumed,
}

/// The place of an operation in its node.
pub(crate) trait Slot: Send + Sync + 'static {
    fn op(&self) -> Option<&dyn Op>;
    /// Drops the operation, and with it what it saved.
    fn clear(&mut self);
    /// Takes the operation out, to be dropped later.
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

/// What made a leaf.
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

    pub(crate) fn new<O: Op>(
        shape: Shape,
        dtype: DType,
        observer: Option<Arc<dyn Observer>>,
        parents: Parents,
        op: O,
    ) -> Arc<Self> {
        Arc::new(Node {
            id: next_id(),
            name: op.name(),
            shape,
            dtype,
            observer,
            links: Mutex::new(Links::To(parents)),
            slot: RwLock::new(Some(op)),
        })
    }

    /// The same leaf, of the same identity, observed; frozen, its gradient is not kept.
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

    /// What it was made from; unless one is to `keep` them, an operation's operands are given up.
    pub(crate) fn links(&self, keep: bool) -> Links {
        let mut links = lock(&self.links);
        if keep { links.clone() } else { links.take() }
    }

    /// The operation, shared with all that use it at the same time; none where it is used up.
    pub(crate) fn slot(&self) -> Option<RwLockReadGuard<'_, dyn Slot>> {
        match self.slot.try_read() {
            Ok(slot) => Some(slot),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            // Only `give_up` locks it for itself.
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Drops the operation if backward has used it up, unless it is in use: then whoever is the
    /// last to use it does. To be called after each use.
    fn give_up(&self) {
        if !self.is_consumed() {
            return;
        }
        let op = match self.slot.try_write() {
            Ok(mut slot) => slot.take(),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().take(),
            Err(TryLockError::WouldBlock) => None,
        };
        // Dropped here, where nothing is locked.
        drop(op);
    }

    /// What it was made from and the operation, of a node that nobody else holds.
    #[inline]
    pub(crate) fn parts(&mut self) -> (&mut Links, Operation<'_>) {
        let links = self.links.get_mut();
        let slot = self.slot.get_mut();
        (
            links.unwrap_or_else(PoisonError::into_inner),
            Operation::Own(slot.unwrap_or_else(PoisonError::into_inner)),
        )
    }

    /// The operands' nodes: none of a leaf, or where backward has been.
    pub(crate) fn parents(&self) -> Parents {
        match &*lock(&self.links) {
            Links::To(parents) => parents.clone(),
            Links::Leaf | Links::Frozen | Links::Consumed => Parents::new(),
        }
    }

    /// Whether the graph begins here.
    pub(crate) fn is_leaf(&self) -> bool {
        matches!(&*lock(&self.links), Links::Leaf | Links::Frozen)
    }

    /// Whether backward has been here.
    pub(crate) fn is_consumed(&self) -> bool {
        matches!(&*lock(&self.links), Links::Consumed)
    }
}

/// How backward uses the operation of a node.
pub(crate) enum Operation<'a> {
    /// Alone, and to the end.
    Own(&'a mut dyn Slot),
    /// Beside others, to the end if it has taken the links.
    Shared(&'a Node),
}

impl Operation<'_> {
    /// The vector-Jacobian product; none if the operation is used up.
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
                node.give_up();
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
    // What is locked is replaced as a whole: a panic elsewhere cannot leave it half-written.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} #{} {}", self.name, self.id, self.shape)
    }
}

thread_local! {
    /// Edges of nodes whose drop is under way on this thread, waiting for their turn. Never dropped
    /// itself: other values of the thread that are dropped as it ends may be graphs.
    static DROPPING: RefCell<ManuallyDrop<Option<Vec<Parents>>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };
}

impl<S: Slot + ?Sized> Drop for Node<S> {
    /// A long chain must not be dropped by recursion: whoever starts the drop collects the edges
    /// that fall off and drops them in a loop. What an operation has saved holds no nodes but its
    /// operands', which wait among those edges when it is dropped.
    ///
    /// If an operation's own `Drop` panics, the rest is dropped before the panic goes on.
    fn drop(&mut self) {
        let links = self.links.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Links::To(parents) = links.take() else {
            return;
        };
        let slot = self.slot.get_mut().unwrap_or_else(PoisonError::into_inner);
        DROPPING.with(|queue| {
            let first = {
                let mut pending = queue.borrow_mut();
                let first = pending.is_none();
                pending.get_or_insert_with(Vec::new).push(parents);
                first
            };
            let panic = FirstPanic::new();
            panic.catch(|| slot.clear());
            if first {
                loop {
                    // The borrow must end before the drop, which may come back here.
                    let next = queue.borrow_mut().as_mut().and_then(Vec::pop);
                    let Some(next) = next else { break };
                    panic.catch(|| drop(next));
                }
                drop(queue.borrow_mut().take());
            }
            // Two panics at once would end the process.
            if std::thread::panicking() {
                panic.clear();
            }
            panic.resume();
        });
    }
}

//! Nodes of the graph, numbered as they are created, so that parents always have smaller numbers.

use super::observer::Observer;
use super::op::Op;
use crate::tensor::{DType, Shape};
use smallvec::SmallVec;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One edge per operand; none to what needs no gradient.
pub(crate) type Parents = SmallVec<[Option<Arc<Node>>; 3]>;

/// How a tracked tensor was made.
pub(crate) struct Node {
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
    state: Mutex<State>,
}

/// What a node still holds.
#[derive(Clone)]
pub(crate) enum State {
    /// A tensor that the graph begins with.
    Leaf,
    /// Such a tensor whose gradient nobody but an observer asks for: a frozen parameter.
    Frozen,
    /// An operation, ready for its vector-Jacobian product.
    Op(Arc<dyn Op>, Parents),
    /// An operation whose saved values backward has used up.
    Consumed,
}

impl Node {
    pub(crate) fn leaf(shape: Shape, dtype: DType) -> Arc<Self> {
        Self::new("leaf", shape, dtype, None, State::Leaf)
    }

    pub(crate) fn new(
        name: &'static str,
        shape: Shape,
        dtype: DType,
        observer: Option<Arc<dyn Observer>>,
        state: State,
    ) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Relaxed);
        Arc::new(Self {
            id,
            name,
            shape,
            dtype,
            observer,
            state: Mutex::new(state),
        })
    }

    /// The same leaf, of the same identity, observed; frozen, its gradient is not kept.
    pub(crate) fn observed(&self, observer: &Arc<dyn Observer>, frozen: bool) -> Arc<Self> {
        Arc::new(Self {
            id: self.id,
            name: self.name,
            shape: self.shape.clone(),
            dtype: self.dtype,
            observer: Some(Arc::clone(observer)),
            state: Mutex::new(if frozen { State::Frozen } else { self.peek() }),
        })
    }

    /// The operands' nodes: none of a leaf, or where backward has been.
    pub(crate) fn parents(&self) -> Parents {
        match &*self.lock() {
            State::Op(_, parents) => parents.clone(),
            State::Leaf | State::Frozen | State::Consumed => Parents::new(),
        }
    }

    /// Whether backward has been here.
    pub(crate) fn is_consumed(&self) -> bool {
        matches!(&*self.lock(), State::Consumed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is replaced as a whole: a panic elsewhere cannot leave it half-written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the node holds, leaving it in place.
    pub(crate) fn peek(&self) -> State {
        self.lock().clone()
    }

    /// What the node holds; an operation is given up.
    pub(crate) fn take(this: &mut Arc<Self>) -> State {
        let mut guard;
        // Mostly nobody else holds the node any more, and nothing needs to be locked.
        let state = if let Some(node) = Arc::get_mut(this) {
            node.state.get_mut().unwrap_or_else(PoisonError::into_inner)
        } else {
            guard = this.lock();
            &mut *guard
        };
        match state {
            State::Op(..) => std::mem::replace(state, State::Consumed),
            other => other.clone(),
        }
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} #{} {}", self.name, self.id, self.shape)
    }
}

thread_local! {
    /// States whose drop is under way on this thread, waiting for their turn. Never dropped itself:
    /// other values of the thread that are dropped as it ends may be graphs.
    static DROPPING: RefCell<ManuallyDrop<Option<Vec<State>>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };
}

impl Drop for Node {
    /// A long chain must not be dropped by recursion: whoever starts the drop collects what falls
    /// off and drops that in a loop.
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let State::Op(..) = state else { return };
        let state = std::mem::replace(state, State::Consumed);
        DROPPING.with(|queue| {
            let mut pending = queue.borrow_mut();
            if let Some(pending) = pending.as_mut() {
                pending.push(state);
                return;
            }
            **pending = Some(Vec::new());
            drop(pending);
            drop(state);
            loop {
                // The borrow must end before the drop, which may come back here.
                let next = queue.borrow_mut().as_mut().and_then(Vec::pop);
                let Some(next) = next else { break };
                drop(next);
            }
            drop(queue.borrow_mut().take());
        });
    }
}

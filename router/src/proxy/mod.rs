//! The fast path: a request comes in, goes to its hub, and the answer goes back.

//! The operator's door: liveness, readiness and status, on a listener of its own.

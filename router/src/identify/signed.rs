//! Signed values of our own cookies.

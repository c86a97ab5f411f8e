//! The pages and JSON answers that the router makes itself.

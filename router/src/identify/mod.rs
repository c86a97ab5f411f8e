//! Who asks: the router's own signed cookies, and what hubs say about a browser or a token.

pub mod lookups;
pub mod signed;

//! What the operator said: YAML text to a validated, immutable configuration.
//!
//! All problems are found at once, each with file, line, column, key and a hint. JSON Schema and reference page are made
//! from the model's doc comments. What the configuration means for a request is the router's.

mod judge;
mod load;
mod model;
mod nearest;
mod node;
mod problem;
mod read;
mod reference;
mod schema;
mod sections;
mod source;
mod validate;
mod values;

pub use judge::{Judge, Reading};
pub use load::{Loaded, load, load_judged, parse, parse_judged};
pub use model::*;
pub use problem::{Problem, Problems};
pub use reference::reference;
pub use schema::schema;
pub use source::{FixedSources, ProcessSources, Sources};
pub use values::{Malformed, read_duration};

//! The hub's login form: who wants to log in, with which token, and whether a page of this site sent it.
//!
//! Pure, and strict: a form that tornado and we might read differently is not read at all. Then nothing is
//! exchanged, and the hub gets the form as it came. Fetching another hub's token is left to `client`.

mod form;
mod multipart;
mod origin;

pub use form::{FORM_LIMIT, LoginForm, needs_exchange, read_form, with_xsrf};
pub use origin::same_origin;

//! Orders at the operator's door: who gives one, whether the role reaches that far, how long it may take, and the line that
//! the log keeps of it.
//!
//! What an order does is left to whoever carries it out.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use hubrouter_config::Role;
use serde::{Deserialize, Serialize};
use tracing::info;

use super::AdminView;
use super::access::{Denied, role_word};
use super::plain::plain;
use super::refusal::Refusal;
use super::verbs::{About, OrderBody, Verb};
use crate::control::operator::{Order, Outcome, Refused};

/// How long an order may take. One that takes longer may have been carried out in part, and the answer says so.
pub(super) const WITHIN: Duration = Duration::from_secs(75);

/// What an order did, or would do, and who gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderReport {
    /// The verb.
    pub order: String,
    /// The hub or user that it was about; none: the site.
    #[serde(default)]
    pub target: Option<String>,
    /// Who gave it: a name that proves nothing, then the role of the token and the address it came from.
    pub who: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// What changes.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Whoever stands at the door with a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operator {
    pub(super) role: Role,
    pub(super) from: IpAddr,
}

/// An order as it came.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) verb: Verb,
    pub(super) target: String,
    pub(super) body: OrderBody,
}

impl Operator {
    /// `operate@127.0.0.1`, behind the name that was given: `alice (operate@127.0.0.1)`.
    pub(super) fn name(self, who: Option<&str>) -> String {
        let proved = format!("{}@{}", role_word(self.role), self.from);
        match who.map(str::trim).filter(|who| !who.is_empty()) {
            Some(who) => format!("{} ({proved})", plain(who)),
            None => proved,
        }
    }
}

/// Carries a wish out, and notes in the log what came of it.
///
/// Whoever ordered may hang up meanwhile: the order goes on, for half of it would be worse than all. What takes longer than
/// `within` is given up.
pub(super) async fn carry_out(
    view: Arc<dyn AdminView>,
    operator: Operator,
    wish: Wish,
    within: Duration,
) -> Result<OrderReport, Refusal> {
    let task = tokio::spawn(async move {
        let who = operator.name(wish.body.who.as_deref());
        let carried = carry(&*view, operator, &wish, &who, within).await;
        note(&wish, &who, &carried);
        let outcome = carried?;
        let reason = wish.body.reason.unwrap_or_default();
        let target = (wish.verb.about() != About::Site).then_some(wish.target);
        Ok(OrderReport { order: wish.verb.word().to_owned(), target, who, reason, outcome })
    });
    task.await.unwrap_or_else(|_ended| {
        let message = "the order ended unexpectedly: look at the status before trying again";
        Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message))
    })
}

async fn carry(
    view: &dyn AdminView,
    operator: Operator,
    wish: &Wish,
    who: &str,
    within: Duration,
) -> Result<Outcome, Refusal> {
    let operate = view.operate();
    let what = wish.body.order(wish.verb, &wish.target, operate)?;
    if what.is_forced() && operator.role < Role::Admin {
        return Err(Denied::Role(role_word(Role::Admin)).into());
    }
    let why = wish.body.reason.clone().unwrap_or_default();
    let order = Order { what, who: who.to_owned(), why, dry_run: wish.body.dry_run };
    let carried = tokio::time::timeout(within, operate.order(order)).await;
    let late = |_elapsed| {
        let word = wish.verb.word();
        let message = format!(
            "`{word}` took longer than {within:?} and may be done: look at the status before trying again"
        );
        Err(Refused::Unavailable(message))
    };
    Ok(carried.unwrap_or_else(late)?)
}

/// The line of an order that was not looked at, because the role does not reach that far.
pub(super) fn note_denied(operator: Operator, verb: Verb, target: &str, refusal: &Refusal) {
    let wish = Wish { verb, target: target.to_owned(), body: OrderBody::default() };
    said(&wish, &operator.name(None), refusal.kind, &refusal.message);
}

fn note(wish: &Wish, who: &str, carried: &Result<Outcome, Refusal>) {
    match carried {
        Ok(outcome) if outcome.dry_run => said(wish, who, "dry_run", &outcome.summary),
        Ok(outcome) => said(wish, who, "done", &outcome.summary),
        Err(refusal) => said(wish, who, refusal.kind, &refusal.message),
    }
}

fn said(wish: &Wish, who: &str, outcome: &'static str, text: &str) {
    let (verb, target, text) = (wish.verb.word(), plain(&wish.target), plain(text));
    let reason = plain(wish.body.reason.as_deref().unwrap_or_default());
    info!(
        order.verb = verb,
        order.about = target,
        order.who = who,
        order.why = reason,
        order.dry_run = wish.body.dry_run,
        order.outcome = outcome,
        "{who}: {verb} {target}: {outcome}: {text}"
    );
}

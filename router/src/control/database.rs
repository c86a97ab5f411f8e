//! At a low rate, each hub is asked for something out of its database: health pages answer without it.
//!
//! What comes of it is shown to operators and logged when it changes; it decides nothing. A wrong token is noticed here,
//! long before somebody needs it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use hubrouter_config::{HubId, Secret};
use tracing::{info, warn};

use super::board::{Board, Database};
use super::live::Live;

/// How long a hub may take: a list of one user costs it some 30 ms, more while it is busy.
const WITHIN: Duration = Duration::from_secs(10);

/// Asks every hub that has a token, once per `census.authority`, for as long as it is polled.
pub async fn watch(live: Arc<ArcSwap<Live>>, board: Arc<Board>) {
    let task = board.tasks.add("databases of hubs", live.load().snapshot.config.census.authority);
    loop {
        let now = live.load_full();
        let (mut asked, mut answered) = (0_u32, 0_u32);
        for view in &now.snapshot.hubs {
            if let Some(token) = &view.hub.api_token {
                asked += 1;
                answered += u32::from(ask(&now, &view.hub.id, token, &board).await);
            }
        }
        task.every(now.snapshot.config.census.authority);
        task.ran(Instant::now(), format!("{answered} of {asked} hubs with a token answered"));
        tokio::time::sleep(now.snapshot.config.census.authority).await;
    }
}

/// Whether the hub answered.
async fn ask(live: &Live, id: &HubId, token: &Secret<String>, board: &Board) -> bool {
    let Some(hub) = live.snapshot.find(id) else { return false };
    let seen = match live.client(hub).ask_database(token, WITHIN).await {
        Ok(took) => Database { at: Instant::now(), answered: Ok(took) },
        Err(error) => Database { at: Instant::now(), answered: Err(error.to_string()) },
    };
    let before = board.note_database(id, seen.clone());
    let was_good = before.is_none_or(|before| before.answered.is_ok());
    match &seen.answered {
        Ok(_) if !was_good => info!(hub.id = %id, "hub `{id}`: its database answers again"),
        Err(reason) if was_good => warn!(hub.id = %id, reason, "hub `{id}`: its database cannot be asked"),
        _ => {}
    }
    seen.answered.is_ok()
}

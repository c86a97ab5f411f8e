//! A browser that goes to an identity provider and comes back.

use hubrouter_loadtest::simhub::{Auth, SimHubOptions, SimProvider};

use super::{Answer, Browser, Request, Sketch};

/// Hubs whose users log in at one provider, without a click.
pub fn hubs_with(provider: &SimProvider, ids: &[&str]) -> Sketch {
    Sketch::with_hubs(ids).each_hub(|hub| log_in_at(provider, hub))
}

/// The people of this hub log in at `provider`.
pub fn log_in_at(provider: &SimProvider, hub: &mut SimHubOptions) {
    hub.auth = Auth::OAuth { provider: provider.url(), callback_url: None };
    hub.auto_login = true;
}

impl Browser {
    /// Opens an address, and passes through the providers on the way as often as needed.
    pub async fn open_through(&mut self, target: &str) -> Answer {
        let mut answer = self.open(target).await;
        let mut way = answer.way.clone();
        while let Some(back) = self.at_provider(&answer).await {
            answer = self.open(&back).await;
            way.extend(answer.way.iter().cloned());
            assert!(way.len() < 30, "no end of it: {way:?}");
        }
        answer.way = way;
        answer
    }

    /// Where the provider sends the browser back to, if the answer sent it to one.
    pub async fn at_provider(&self, answer: &Answer) -> Option<String> {
        if !answer.status.is_redirection() {
            return None;
        }
        let rest = answer.location().strip_prefix("http://")?;
        let (authority, target) = rest.split_once('/')?;
        let mut there = Browser::new(authority.parse().unwrap());
        let back = there.send(Request::get(format!("/{target}"))).await;
        let back = back.location().strip_prefix("http://").expect("back to the site").to_owned();
        Some(back[back.find('/').unwrap()..].to_owned())
    }
}

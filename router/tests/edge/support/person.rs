//! What a person does in a browser: fills in a login form, agrees, visits somebody's server.

use http::StatusCode;

use super::site::PASSWORD;
use super::{Answer, Browser, Request};

impl Browser {
    /// Logs in by the form of whatever page asks for it, starting at `target`.
    pub async fn log_in(&mut self, target: &str, user: &str, password: &str) -> Answer {
        let page = self.open(target).await;
        assert_eq!(page.status, StatusCode::OK, "no login page at {:?}: {}", page.way, page.body);
        self.submit(&page, user, password).await
    }

    /// Sends the consent form of a page as a click on its button does.
    pub async fn agree(&mut self, page: &Answer) -> Answer {
        assert!(page.body.contains("Authorize"), "no consent form at {:?}: {}", page.way, page.body);
        let token = page.form_token();
        self.follow(Request::form(page.way.last().unwrap(), &[("_xsrf", &token)])).await
    }

    /// Opens somebody else's page for the first time: the login form of its hub, a click of consent, the page.
    pub async fn visit(&mut self, page: &str, visitor: &str) -> Answer {
        let form = self.open(page).await;
        let consent = self.submit(&form, visitor, PASSWORD).await;
        self.agree(&consent).await
    }

    /// Fills in the login form of a page.
    pub async fn submit(&mut self, page: &Answer, user: &str, password: &str) -> Answer {
        let fields =
            [("_xsrf", page.form_token()), ("username", user.to_owned()), ("password", password.to_owned())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.follow(Request::form(page.way.last().unwrap(), &fields)).await
    }
}

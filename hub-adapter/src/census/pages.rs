//! Puts the pages of a list together so that nobody who was on it all the time is missing.
//!
//! A hub numbers its pages by position, and the list changes while it is read: when somebody on the first page leaves, the
//! first of the second page moves to a place that was read already. So each page begins a little before the end of the one
//! before it, and has to show somebody of that one again: the list is in the order of the users' ids, so whoever stands
//! behind them has not slipped by.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::model::UserModel;
use super::{ActiveUser, LIST_BYTES, PAGE, PAGES, Unreadable};
use crate::{NameRule, UserName};

/// A list while it is read.
#[derive(Debug)]
pub(super) struct List {
    rule: NameRule,
    users: BTreeMap<UserName, ActiveUser>,
    /// Names on the last page, as the hub writes them.
    last_page: BTreeSet<String>,
    next: Option<usize>,
    bounds: Bounds,
}

/// How much of a list was read, and whether that is more than any hub's list.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    pages: usize,
    bytes: usize,
}

impl Bounds {
    /// Counts one more page.
    pub(super) fn count(&mut self, body: &[u8]) -> Result<(), Unreadable> {
        self.pages += 1;
        self.bytes += body.len();
        match (self.pages > PAGES, self.bytes > LIST_BYTES) {
            (true, _) => Err(format!("it has more than {PAGES} pages").into()),
            (false, true) => Err(format!("its pages are longer than {LIST_BYTES} bytes together").into()),
            (false, false) => Ok(()),
        }
    }
}

/// A page of anything.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub items: T,
    #[serde(rename = "_pagination")]
    pub pagination: Pagination,
}

/// Where a page stands in its list.
#[derive(Debug, Deserialize)]
pub(super) struct Pagination {
    pub offset: usize,
    pub limit: usize,
    pub next: Option<Next>,
}

/// Where the next page begins. Its `url` is not read: host and scheme in it are what the hub took them for.
#[derive(Debug, Deserialize)]
pub(super) struct Next {
    pub offset: usize,
}

/// How long the whole list is that this is the first page of.
pub(super) fn total(body: &[u8]) -> Result<usize, Unreadable> {
    #[derive(Deserialize)]
    struct Total {
        total: usize,
    }
    #[derive(Deserialize)]
    struct First {
        #[serde(rename = "_pagination")]
        pagination: Total,
    }
    Ok(serde_json::from_slice::<First>(body)?.pagination.total)
}

impl List {
    pub(super) fn new(rule: NameRule) -> List {
        List {
            rule,
            users: BTreeMap::new(),
            last_page: BTreeSet::new(),
            next: Some(0),
            bounds: Bounds::default(),
        }
    }

    /// The query for the next page; none when the list is whole.
    pub(super) fn next_page(&self) -> Option<String> {
        self.next.map(|offset| format!("limit={PAGE}&offset={offset}"))
    }

    /// Takes in the page that was asked for.
    pub(super) fn add(&mut self, body: &[u8]) -> Result<(), Unreadable> {
        self.bounds.count(body)?;
        let (models, next) = if is_bare(body) {
            (self.bare(body)?, None)
        } else {
            let page: Page<Vec<UserModel>> = serde_json::from_slice(body)?;
            let next = page.pagination.following(self.next.unwrap_or_default())?;
            (page.items, next)
        };
        let is_first = self.bounds.pages == 1;
        if !is_first && !models.iter().any(|model| self.last_page.contains(&model.name)) {
            return Err("it changed too much while it was read".into());
        }
        for model in &models {
            self.take(model)?;
        }
        self.last_page = models.into_iter().map(|model| model.name).collect();
        self.next = next;
        Ok(())
    }

    /// A list without pages, as hubs give it to those who ask for none. It is cut without a word.
    fn bare(&self, body: &[u8]) -> Result<Vec<UserModel>, Unreadable> {
        let models: Vec<UserModel> = serde_json::from_slice(body)?;
        if self.bounds.pages > 1 {
            return Err("its first page is one of several, and the next is a whole list".into());
        }
        if models.len() == PAGE {
            return Err(format!("it comes without pages and ends after {PAGE} users: it may be cut").into());
        }
        Ok(models)
    }

    /// Notes a user. Two spellings of one name are one user, with the servers of both. A name that is no name is left out:
    /// nobody can ask for that user.
    fn take(&mut self, model: &UserModel) -> Result<(), Unreadable> {
        let active = model.active()?;
        if let Some(name) = UserName::canonical(&model.name, self.rule) {
            let user = self.users.entry(name).or_default();
            user.last_activity = user.last_activity.max(active.last_activity);
            user.servers.extend(active.servers);
        }
        Ok(())
    }

    pub(super) fn into_users(self) -> BTreeMap<UserName, ActiveUser> {
        self.users
    }
}

impl Pagination {
    /// Where to go on after this page, which was asked for at `asked`: a tenth of a page before its end.
    fn following(&self, asked: usize) -> Result<Option<usize>, Unreadable> {
        let Some(next) = &self.next else { return Ok(None) };
        let again = (self.limit / 10).max(1);
        let following = next.offset.saturating_sub(again);
        if self.offset != asked || following <= asked {
            return Err("its pages do not follow each other".into());
        }
        Ok(Some(following))
    }

    /// Where the next page begins by the hub's own word, which must be further on than `asked`.
    pub(super) fn next_after(&self, asked: usize) -> Result<Option<usize>, Unreadable> {
        match &self.next {
            None => Ok(None),
            Some(next) if self.offset == asked && next.offset > asked => Ok(Some(next.offset)),
            Some(_) => Err("its pages do not follow each other".into()),
        }
    }
}

/// Whether a list comes as such, not as a page.
fn is_bare(body: &[u8]) -> bool {
    body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[')
}

/// Whether an object is a page.
pub(super) fn is_page(object: &serde_json::Map<String, Value>) -> bool {
    object.contains_key("_pagination")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A hub with users, by their ids, that gives pages of `limit`.
    fn page_of(users: &BTreeSet<u32>, offset: usize, limit: usize) -> String {
        let items: Vec<String> = users
            .iter()
            .skip(offset)
            .take(limit)
            .map(|id| format!(r#"{{"name":"user{id}","servers":{{}}}}"#))
            .collect();
        let next = match offset + limit < users.len() {
            true => {
                format!(r#"{{"offset":{},"limit":{limit},"url":"http://evil.example/"}}"#, offset + limit)
            }
            false => "null".to_owned(),
        };
        let items = items.join(",");
        let total = users.len();
        format!(
            r#"{{"items":[{items}],"_pagination":{{"offset":{offset},"limit":{limit},"total":{total},"next":{next}}}}}"#
        )
    }

    fn offset_of(query: &str) -> usize {
        query.rsplit_once("offset=").unwrap().1.parse().unwrap()
    }

    proptest! {
        #[test]
        fn whoever_is_on_the_list_all_the_time_is_in_the_answer_or_there_is_none(
            first in prop::collection::btree_set(0u32..400, 0..250),
            limit in 2usize..40,
            changes in prop::collection::vec(prop::collection::vec(0u32..400, 0..6), 0..200),
        ) {
            let (mut users, mut always) = (first.clone(), first);
            let mut list = List::new(NameRule::Lower);
            let mut changes = changes.into_iter();
            let mut failed = false;
            while let Some(query) = list.next_page() {
                if list.add(page_of(&users, offset_of(&query), limit).as_bytes()).is_err() {
                    failed = true;
                    break;
                }
                for id in changes.next().unwrap_or_default() {
                    // Whoever is there leaves, whoever is not comes.
                    if !users.remove(&id) {
                        users.insert(id);
                    }
                    always.remove(&id);
                }
            }
            let found = list.into_users();
            for id in always {
                let name = UserName::canonical(&format!("user{id}"), NameRule::Lower).unwrap();
                prop_assert!(failed || found.contains_key(&name), "user{id} is missing");
            }
        }

        #[test]
        fn no_answer_makes_the_reader_panic_or_go_on_for_ever(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut list = List::new(NameRule::Lower);
            let _ = list.add(&bytes);
        }
    }

    #[test]
    fn a_list_that_stands_still_is_read_whole() {
        let users: BTreeSet<u32> = (0..1003).collect();
        let mut list = List::new(NameRule::Lower);
        while let Some(query) = list.next_page() {
            list.add(page_of(&users, offset_of(&query), 200).as_bytes()).unwrap();
        }

        assert_eq!((list.bounds.pages, list.into_users().len()), (6, 1003));
    }

    #[test]
    fn pages_that_lead_back_or_without_end_are_given_up() {
        let back = r#"{"items":[],"_pagination":{"offset":0,"limit":200,"total":9,"next":{"offset":0}}}"#;
        let other =
            r#"{"items":[],"_pagination":{"offset":7,"limit":200,"total":900,"next":{"offset":207}}}"#;
        for page in [back, other] {
            let error = List::new(NameRule::Lower).add(page.as_bytes()).unwrap_err();
            assert!(error.to_string().contains("do not follow"), "{error}");
        }

        assert!(given_up("").contains("more than 300 pages"));
        assert!(given_up(&" ".repeat(7 << 20)).contains("longer than 67108864 bytes"));
    }

    /// Why a list of pages without end, each of them this much longer, is given up.
    fn given_up(padding: &str) -> String {
        let mut endless = List::new(NameRule::Lower);
        loop {
            let offset = offset_of(&endless.next_page().unwrap());
            let next = offset + 200;
            let page = format!(
                r#"{{"items":[{{"name":"ada","servers":{{}}}}],{padding}"_pagination":{{"offset":{offset},"limit":200,"total":1,"next":{{"offset":{next}}}}}}}"#
            );
            if let Err(error) = endless.add(page.as_bytes()) {
                return error.to_string();
            }
        }
    }

    #[test]
    fn two_spellings_of_a_name_are_one_user_with_the_servers_of_both() {
        let ready = r#"{"ready":true,"stopped":false,"pending":null}"#;
        let page = format!(
            r#"[{{"name":"Ada","servers":{{"":{ready}}}}},{{"name":"ada","servers":{{"lab":{ready}}}}},{{"name":"a/b","servers":{{}}}}]"#
        );
        let mut list = List::new(NameRule::Lower);
        list.add(page.as_bytes()).unwrap();

        let users = list.into_users();

        let ada = UserName::canonical("ada", NameRule::Lower).unwrap();
        assert_eq!(users.len(), 1);
        assert_eq!(users[&ada].servers.keys().collect::<Vec<_>>(), ["", "lab"]);
    }
}

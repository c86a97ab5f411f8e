//! Can a table of routes be believed? A proxy that was restarted has lost it, and the hub does not notice for minutes.
//!
//! Pure; reading tables is left to `routes`, asking the hub to restore one to the router.

use super::Routes;

/// Judges one table of a hub after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// Routes in the last table that was believed.
    before: Option<usize>,
    /// The hub was asked to restore what seemed lost, and no table was believed since.
    asked: bool,
}

/// What is done with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is believed.
    Whole,
    /// It is discarded: the proxy has lost its routes, or most of them.
    Doubtful {
        /// What is odd about it.
        why: &'static str,
        /// The hub shall be asked to restore it: once for each loss.
        ask: bool,
    },
}

impl Tables {
    /// Judges the next table.
    ///
    /// One without the hub's own route is never believed: the hub makes it before all others. One that has lost more than
    /// half of its routes is doubted once; if the hub was asked to restore it and it stays small, so many servers have
    /// really ended.
    pub fn judge(&mut self, routes: &Routes) -> Judgement {
        let shrunk = self.before.is_some_and(|before| routes.count * 2 < before);
        let why = match (routes.leads_to_hub, shrunk) {
            (false, _) => "it has no route to the hub",
            (true, true) if !self.asked => "it has lost more than half of its routes",
            (true, _) => {
                *self = Tables { before: Some(routes.count), asked: false };
                return Judgement::Whole;
            }
        };
        let ask = !self.asked;
        self.asked = true;
        Judgement::Doubtful { why, ask }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(count: usize) -> Routes {
        Routes { count, leads_to_hub: true, ..Routes::default() }
    }

    fn judged(tables: &mut Tables, routes: &Routes) -> &'static str {
        match tables.judge(routes) {
            Judgement::Whole => "whole",
            Judgement::Doubtful { ask: true, .. } => "doubtful, ask",
            Judgement::Doubtful { ask: false, .. } => "doubtful",
        }
    }

    #[test]
    fn a_table_that_lost_most_of_its_routes_is_doubted_once_and_then_believed() {
        let mut tables = Tables::default();
        for (count, expected) in [
            (100, "whole"),
            (50, "whole"),
            (24, "doubtful, ask"),
            (24, "whole"),
            (12, "whole"),
            (5, "doubtful, ask"),
            (12, "whole"),
            (5, "doubtful, ask"),
        ] {
            assert_eq!(judged(&mut tables, &table(count)), expected, "{count}");
        }
    }

    #[test]
    fn a_table_without_a_route_to_the_hub_is_never_believed_and_the_hub_is_asked_once() {
        let (mut tables, empty) = (Tables::default(), Routes::default());

        assert_eq!(judged(&mut tables, &empty), "doubtful, ask");
        assert_eq!(judged(&mut tables, &empty), "doubtful");
        assert_eq!(judged(&mut tables, &table(3)), "whole");
        assert_eq!(judged(&mut tables, &empty), "doubtful, ask");
    }
}

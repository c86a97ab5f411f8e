//! `hubrouter explain USER --config FILE`: where placement puts a user, and why.
//!
//! Only what the configuration says. Where the directory keeps a user elsewhere, the running router knows.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use hubrouter_config::{Algorithm, Config, HubId, Intent, Tier};
use hubrouter_hub_adapter::names::{NameRule, UserName};
use serde::Serialize;

use super::table::Table;
use super::{CannotRun, Format, Outcome, Printed, finish, load_good, write_json};
use crate::core::placement::{Ranked, build};
use crate::core::why::Why;

/// Says where placement puts a user, and why.
#[derive(Args, Clone, Debug)]
#[command(after_help = words())]
pub struct ExplainArgs {
    /// The user's name, as typed at the login.
    pub user: String,
    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "HUBROUTER_CONFIG", default_value = "hubrouter.yaml")]
    pub config: PathBuf,
    /// How to print the explanation.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// The vocabulary of reasons: this command, the access log and the debug header speak it.
fn words() -> String {
    let lines: String = Why::ALL.iter().map(|why| format!("  {why:<13} {}\n", why.sentence())).collect();
    format!(
        "Reasons, here, in the access log, and in the answer to a request with `X-Hubrouter-Debug: 1`:\n{lines}"
    )
}

/// Runs `explain` with this process's output.
#[must_use]
pub fn explain(args: &ExplainArgs) -> ExitCode {
    finish(run(args, &mut Printed::new()))
}

#[derive(Serialize)]
struct Explanation {
    user: String,
    hub: HubId,
    why: String,
    ranking: Vec<Place>,
}

#[derive(Serialize)]
struct Place {
    hub: HubId,
    tier: Tier,
    score: f64,
}

fn run(args: &ExplainArgs, out: &mut dyn Write) -> Result<Outcome, CannotRun> {
    let config = load_good(&args.config)?;
    // Blanks around a name are no part of it, as at the login.
    let user = UserName::canonical(args.user.trim(), config.placement.user_names).ok_or_else(|| {
        CannotRun(format!(
            "{:?} is not a user name: empty, a dot segment, or holds a slash, a backslash or a control character",
            args.user
        ))
    })?;
    let explanation = explanation(&config, &user)?;
    match args.format {
        Format::Text => write_text(args, &config, &explanation, out)?,
        Format::Json => write_json(out, &explanation)?,
    }
    Ok(Outcome::Fine)
}

fn explanation(config: &Config, user: &UserName) -> Result<Explanation, CannotRun> {
    let ranking = build(&config.placement, &config.hubs).rank(user);
    let home = ranking.first().ok_or_else(|| CannotRun("the configuration has no hubs".to_owned()))?;
    Ok(Explanation {
        user: user.to_string(),
        hub: home.hub.clone(),
        why: why(config.placement.algorithm, home.tier, ranking.iter().map(|ranked| ranked.tier)),
        ranking: ranking.into_iter().map(|Ranked { hub, tier, score }| Place { hub, tier, score }).collect(),
    })
}

/// Why the first of the ranking is the home.
fn why(algorithm: Algorithm, home: Tier, tiers: impl Iterator<Item = Tier>) -> String {
    let tier = tier_word(home);
    let rivals = tiers.filter(|tier| *tier == home).count();
    let won = match (algorithm, rivals) {
        (_, 1) => format!("the only {tier} hub"),
        (Algorithm::Rendezvous, _) => format!("highest score of {rivals} {tier} hubs"),
        (Algorithm::Ring, _) => format!("first on the ring of {rivals} {tier} hubs"),
    };
    let word = Why::Home;
    match home {
        Tier::Active => format!("{word}: {won}"),
        Tier::Standby => format!("{word}: no hub is active, {won}"),
    }
}

fn write_text(
    args: &ExplainArgs,
    config: &Config,
    explanation: &Explanation,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{} belongs to {}: {}", explanation.user, explanation.hub, explanation.why)?;
    if explanation.user != args.user {
        writeln!(out, "({} is {} by placement.user_names: {})", args.user, explanation.user, rule(config))?;
    }
    writeln!(out)?;
    ranking_table(config, explanation).write(out)?;
    if let Some(note) = home_note(config, explanation) {
        writeln!(out, "\n{note}")?;
    }
    writeln!(
        out,
        "\nThis is placement alone: a server that runs elsewhere is known to the running router only."
    )
}

fn ranking_table(config: &Config, explanation: &Explanation) -> Table {
    let mut table = Table::new(&[">place", "hub", "tier", ">weight", ">score", "intent"]);
    for (place, number) in explanation.ranking.iter().zip(1_u32..) {
        let hub = config.hub(&place.hub);
        table.row(vec![
            number.to_string(),
            place.hub.to_string(),
            tier_word(place.tier).to_owned(),
            hub.map_or_else(String::new, |hub| (f64::from(hub.weight.as_thousandths()) / 1000.0).to_string()),
            format!("{:.4}", place.score),
            hub.map_or("", |hub| hub.intent.label()).to_owned(),
        ]);
    }
    table
}

fn home_note(config: &Config, explanation: &Explanation) -> Option<String> {
    let home = config.hub(&explanation.hub)?;
    match home.intent {
        Intent::Active => None,
        Intent::Cordoned => {
            Some(format!("{} is cordoned: it keeps its users and takes no new ones.", home.id))
        }
        Intent::Draining => {
            Some(format!("{} is draining: the next start of a user goes elsewhere.", home.id))
        }
        Intent::Maintenance => Some(format!("{} is in maintenance: only servers that run go on.", home.id)),
    }
}

fn tier_word(tier: Tier) -> &'static str {
    match tier {
        Tier::Active => "active",
        Tier::Standby => "standby",
    }
}

fn rule(config: &Config) -> &'static str {
    match config.placement.user_names {
        NameRule::Lower => "lower",
        NameRule::Exact => "exact",
    }
}

#[cfg(test)]
mod tests {
    use super::super::exit_code;
    use super::super::test_files::{Files, keys, two_hubs, with_hubs};
    use super::*;

    fn run_explain(yaml: &str, user: &str, format: Format) -> (u8, String) {
        let files = Files::new();
        let config = files.write("c.yaml", yaml);
        let mut out = Vec::new();
        let result = run(&ExplainArgs { user: user.to_owned(), config, format }, &mut out);
        (exit_code(&result), String::from_utf8(out).unwrap())
    }

    fn json(yaml: &str, user: &str) -> serde_json::Value {
        serde_json::from_str(&run_explain(yaml, user, Format::Json).1).unwrap()
    }

    #[test]
    fn json_has_the_promised_keys_and_nothing_else() {
        let json = json(&two_hubs(), "ada");
        assert_eq!(keys(&json), ["user", "hub", "why", "ranking"]);
        assert_eq!(keys(&json["ranking"][0]), ["hub", "tier", "score"]);
        assert_eq!(json["hub"], json["ranking"][0]["hub"]);
        assert_eq!(json["why"], "home: highest score of 2 active hubs");
    }

    #[test]
    fn the_reason_counts_only_hubs_of_the_same_tier() {
        let one = with_hubs(&["{id: a, url: 'http://a:80'}", "{id: s, url: 'http://s:80', tier: standby}"]);
        assert_eq!(json(&one, "ada")["why"], "home: the only active hub");
        let none = why(Algorithm::Rendezvous, Tier::Standby, [Tier::Standby; 2].into_iter());
        assert_eq!(none, "home: no hub is active, highest score of 2 standby hubs");
    }

    #[test]
    fn the_ring_has_words_of_its_own() {
        let ring = two_hubs() + "placement: {algorithm: ring, seed: x}\n";
        assert_eq!(json(&ring, "ada")["why"], "home: first on the ring of 2 active hubs");
    }

    #[test]
    fn the_text_names_the_hub_first_and_ranks_all() {
        let (code, text) = run_explain(&two_hubs(), "Ada", Format::Text);
        let hub = json(&two_hubs(), "ada")["hub"].as_str().unwrap().to_owned();
        assert_eq!(code, 0);
        assert!(
            text.starts_with(&format!("ada belongs to {hub}: home: highest score of 2 active hubs\n")),
            "{text}"
        );
        assert!(text.contains("(Ada is ada by placement.user_names: lower)"), "{text}");
        assert!(text.contains("  place  hub    tier    weight"), "{text}");
    }

    #[test]
    fn a_home_that_is_draining_is_pointed_out() {
        let draining = with_hubs(&["{id: a, url: 'http://a:80', intent: draining}"]);
        let (_, text) = run_explain(&draining, "ada", Format::Text);
        assert!(text.contains("a is draining: the next start of a user goes elsewhere."), "{text}");
    }

    #[test]
    fn the_help_says_what_each_reason_means() {
        #[derive(clap::Parser)]
        struct Cli {
            #[command(flatten)]
            _explain: ExplainArgs,
        }
        let help = <Cli as clap::CommandFactory>::command().render_help().to_string();

        for why in Why::ALL {
            let line = help.lines().find(|line| line.trim_start().starts_with(&format!("{why} ")));
            assert!(line.is_some_and(|line| line.ends_with(why.sentence())), "{why}: {help}");
        }
    }

    #[test]
    fn what_is_no_user_name_cannot_be_explained() {
        assert_eq!(run_explain(&two_hubs(), "a/b", Format::Text).0, 2);
        assert_eq!(run_explain(&two_hubs(), "", Format::Text).0, 2);
        assert_eq!(run_explain(&two_hubs(), " ", Format::Text).0, 2);
    }

    #[test]
    fn blanks_around_a_name_are_no_part_of_it() {
        assert_eq!(json(&two_hubs(), " ada ")["user"], "ada");
    }

    #[test]
    fn of_all_secrets_placement_needs_its_seed_alone() {
        let hubs = "hubs: [{id: a, url: 'http://a', api_token: {env: HUBROUTER_TEST_MISSING}}]\n\
            session: {keys: [{file: nowhere}]}\nadmin: {tokens: [{role: read, token: {file: nowhere}}]}\n";
        assert_eq!(run_explain(hubs, "ada", Format::Json).0, 0);
        let seed = "placement: {seed: {env: HUBROUTER_TEST_MISSING}}\n";
        assert_eq!(run_explain(&format!("{hubs}{seed}"), "ada", Format::Json).0, 2);
    }

    #[test]
    fn a_bad_configuration_cannot_explain() {
        assert_eq!(run_explain("nonsense: 1\n", "ada", Format::Text).0, 2);
    }
}

//! `hubrouter demo`: two simulated hubs, a standby and the router, on loopback, and what to try with them.
//!
//! The hubs are look-alikes from the `loadtest` crate; the router is the real one, with a configuration made here.

mod console;

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use hubrouter_config::FixedSources;
use hubrouter_loadtest::simhub::{ApiToken, Auth, SimHub, SimHubOptions, SimService, TokenOwner};

use super::cannot_run;
use crate::app::{self, AppError, Running, Setup};
use crate::control::load;
use crate::core::placement::{self, Placement};

/// The password of everybody in the demo.
const PASSWORD: &str = "demo";
/// The token of the router at the simulated hubs.
const TOKEN: &str = "demo-router-token";
/// The token of operators in the demo, which everybody may know.
const OPERATOR: &str = "demo-operator-token";
/// The simulated hubs: id and whether it is a standby.
const HUBS: [(&str, bool); 3] = [("hub-a", false), ("hub-b", false), ("hub-s", true)];

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Where the site is: http://127.0.0.1:PORT.
    #[arg(long, default_value_t = 8000)]
    port: u16,
    /// Where the operator's door is: http://127.0.0.1:PORT.
    #[arg(long, default_value_t = 9901)]
    admin_port: u16,
}

pub(super) fn demo(args: &DemoArgs) -> ExitCode {
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => cannot_run(&error),
    }
}

fn run(args: &DemoArgs) -> Result<(), AppError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut hubs = Vec::new();
        for (id, _) in HUBS {
            hubs.push(SimHub::start(options(id)).await?);
        }
        let (running, placement) = start(args, &hubs)?;
        console::welcome(&running, &hubs);
        let lines = console::lines()?;
        running.until_signalled_or(console::listen(lines, &hubs, placement.as_ref())).await?;
        Ok(())
    })
}

fn options(id: &str) -> SimHubOptions {
    SimHubOptions {
        auth: Auth::Form { password: PASSWORD.into() },
        services: vec![SimService { name: "whoami".into(), open: true }],
        api_tokens: vec![ApiToken {
            token: TOKEN.into(),
            owner: TokenOwner::Service("router".into()),
            scopes: ["list:users", "read:users", "read:servers", "delete:servers", "proxy", "read:hub"]
                .map(String::from)
                .to_vec(),
        }],
        spawn_delay: std::time::Duration::from_secs(2),
        ..SimHubOptions::named(id)
    }
}

fn start(args: &DemoArgs, hubs: &[SimHub]) -> Result<(Running, Arc<dyn Placement>), AppError> {
    let text = configuration(args, hubs);
    let load = Box::new(move || {
        let mut sources = FixedSources::default();
        sources.env.insert("DEMO_TOKEN".into(), TOKEN.into());
        sources.env.insert("DEMO_OPERATOR".into(), OPERATOR.into());
        sources.env.insert("DEMO_KEY".into(), "a key of the demo, which everybody may know".into());
        load::parse(&text, "(demo)", &sources)
    });
    let loaded = load()?;
    app::init_logging(&loaded.config.telemetry);
    let placement = placement::build(&loaded.config.placement, &loaded.config.hubs);
    let running = app::start_loaded(loaded, Setup { load, file: None, source: "(demo)".into() })?;
    Ok((running, placement))
}

/// The configuration of the demo; times of seconds instead of minutes, so that one can watch, and little patience at the end.
fn configuration(args: &DemoArgs, hubs: &[SimHub]) -> String {
    let at = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let hubs: String = hubs
        .iter()
        .zip(HUBS)
        .map(|(hub, (id, standby))| {
            let tier = if standby { "standby" } else { "active" };
            format!(
                "  - {{id: {id}, url: '{}', hub_url: '{}', tier: {tier}, storage: shared, api_token: {{env: DEMO_TOKEN}}}}\n",
                hub.url(),
                hub.hub_url()
            )
        })
        .collect();
    format!(
        "listen: [{{address: '{}'}}]\n\
         admin: {{address: '{}', tokens: [{{role: admin, token: {{env: DEMO_OPERATOR}}}}]}}\n\
         hubs:\n{hubs}\
         services: {{whoami: hub-a}}\n\
         placement: {{seed: demo}}\n\
         session: {{keys: [{{env: DEMO_KEY}}]}}\n\
         timeouts: {{shutdown: 2s}}\n\
         health: {{interval: 1s, timeout: 500ms, fall: 2, rise: 1}}\n\
         census: {{interval: 1s, authority: 3s, max_age: 10s}}\n\
         failover: {{hold: 4s, after: 8s, dead_after: 12s, failback_after: 20s, self_rescue: true}}\n\
         telemetry: {{log: {{format: text, level: warn}}, access_log: false}}\n",
        at(args.port),
        at(args.admin_port),
    )
}

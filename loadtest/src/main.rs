//! `hubrouter-loadtest`: records conversations at real hubs, compares hubs with recordings, runs simulated hubs.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use hubrouter_loadtest::conversation::{self, Conversation};
use hubrouter_loadtest::simhub::{Auth, SimHub, SimHubOptions, SimProvider};

#[derive(Parser)]
#[command(
    name = "hubrouter-loadtest",
    version,
    about = "Simulated JupyterHubs, and conversations that keep them honest"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Play the conversations at a real hub and write what it answers
    Record {
        #[command(flatten)]
        at: At,
        /// Where recordings go, as `<group>/<name>.json`
        #[arg(long, default_value = "loadtest/recordings")]
        out: PathBuf,
    },
    /// Play recorded conversations at a hub; differences are printed and make the exit status 1
    Compare {
        #[command(flatten)]
        at: At,
        /// Where recordings are
        #[arg(long, default_value = "loadtest/recordings")]
        recordings: PathBuf,
        /// Only the first conversation of each group
        #[arg(long)]
        one_per_group: bool,
    },
    /// Run a simulated hub (password `pw`) until Ctrl-C
    Simhub {
        /// Shown on its pages
        #[arg(long, default_value = "sim")]
        id: String,
        /// Where its proxy listens; 0: a free port
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// Where the hub stands
        #[arg(long, default_value = "/")]
        base_url: String,
        /// Seconds that a start takes
        #[arg(long, default_value_t = 1.0)]
        spawn_delay: f64,
        /// Set up as `loadtest/recordings/jupyterhub_config.py` sets up a real hub, to compare it with recordings
        #[arg(long)]
        as_recorded: bool,
        /// Log in at this provider instead of by form, such as http://127.0.0.1:9000
        #[arg(long)]
        provider: Option<String>,
    },
    /// Run a tiny identity provider until Ctrl-C
    Provider {
        /// Everybody is this user; without it they are asked
        #[arg(long)]
        user: Option<String>,
        /// Where it listens; 0: a free port
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
}

/// Which hub, and which conversations.
#[derive(clap::Args)]
struct At {
    /// The hub's public address: http://127.0.0.1:8000
    #[arg(long)]
    target: String,
    /// The hub's base URL
    #[arg(long, default_value = "/")]
    base_url: String,
    /// Only these groups
    #[arg(long)]
    only: Vec<String>,
    /// What the hub has beyond the usual: `provider`, `limit` (it starts one server at a time)
    #[arg(long)]
    has: Vec<String>,
}

impl At {
    fn wants(&self, conversation: &Conversation) -> bool {
        let fits = self.only.is_empty() || self.only.contains(&conversation.group);
        let special = conversation.needs.iter().all(|need| self.has.contains(need));
        // a hub with a provider has no login form: only what needs the provider fits it
        let usual = self.has.is_empty() || !conversation.needs.is_empty();
        fits && special && usual
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    match runtime.block_on(run(cli.command)) {
        Ok(code) => code,
        Err(error) => fail(error.as_ref()),
    }
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("hubrouter-loadtest: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  because: {cause}");
        source = cause.source();
    }
    ExitCode::from(2)
}

type Failure = Box<dyn std::error::Error>;

async fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Record { at, out } => record(&at, &out).await,
        Command::Compare { at, recordings, one_per_group } => compare(&at, &recordings, one_per_group).await,
        Command::Simhub { id, port, base_url, spawn_delay, as_recorded, provider } => {
            let auth = match &provider {
                Some(provider) => Auth::OAuth { provider: provider.clone(), callback_url: None },
                None => Auth::Form { password: "pw".to_owned() },
            };
            let delay = Duration::from_secs_f64(spawn_delay.clamp(0.0, 3600.0));
            let usual = SimHubOptions { spawn_delay: delay, ..SimHubOptions::named(&id) };
            let options = SimHubOptions {
                base_url,
                address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
                auth,
                auto_login: provider.is_some(),
                ..if as_recorded { conversation::matching_hub() } else { usual }
            };
            let hub = SimHub::start(options).await?;
            println!("{id}: {}{} (the hub itself: {})", hub.url(), hub.base_url(), hub.hub_url());
            tokio::signal::ctrl_c().await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Provider { user, port } => {
            let provider = SimProvider::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
            provider.set_user(user.as_deref());
            println!("provider: {}", provider.url());
            tokio::signal::ctrl_c().await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn record(at: &At, out: &Path) -> Result<ExitCode, Failure> {
    let mut failed = 0;
    for conversation in conversation::all().iter().filter(|conversation| at.wants(conversation)) {
        match conversation::record(&at.target, &at.base_url, conversation).await {
            Ok(recording) => println!("recorded {}", recording.save(out)?.display()),
            Err(error) => {
                failed += 1;
                println!("{}/{}: {error}", conversation.group, conversation.name);
            }
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn compare(at: &At, folder: &Path, one_per_group: bool) -> Result<ExitCode, Failure> {
    let recordings = conversation::load(folder)?;
    let mut groups = HashSet::new();
    let (mut compared, mut differing) = (0, 0);
    for recording in recordings.iter().filter(|recording| at.wants(&recording.conversation)) {
        let conversation = &recording.conversation;
        if !groups.insert(conversation.group.clone()) && one_per_group {
            continue;
        }
        compared += 1;
        let name = format!("{}/{}", conversation.group, conversation.name);
        match conversation::replay(&at.target, &at.base_url, recording).await {
            Ok(found) if found.is_empty() => println!("same      {name}"),
            Ok(found) => {
                differing += 1;
                println!("different {name} (recorded with JupyterHub {})", recording.jupyterhub);
                for difference in found {
                    println!("  {difference}");
                }
            }
            Err(error) => {
                differing += 1;
                println!("broken    {name}: {error}");
            }
        }
    }
    println!("{compared} conversations compared, {differing} differ");
    Ok(if differing == 0 && compared > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

//! What the demo says, and the few words it understands: taking a hub away and giving it back.

use hubrouter_hub_adapter::names::{NameRule, UserName};
use hubrouter_loadtest::simhub::SimHub;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{OPERATOR, PASSWORD};
use crate::app::Running;
use crate::core::placement::Placement;

/// Says what runs where, and what to try.
pub(super) fn welcome(running: &Running, hubs: &[SimHub]) {
    let site = running.addresses.first().map_or_else(String::new, |address| format!("http://{address}"));
    let admin = running.admin;
    println!(
        "\nOne web site:   {site}\nOperators:      http://{admin}, token {OPERATOR}\n\nBehind it, simulated on loopback:"
    );
    for hub in hubs {
        println!("  {:<6} {}", hub.id(), hub.url());
    }
    println!(
        "
What to try:
  1. Open {site} and log in as ada, password {PASSWORD}. Start a server and look which hub serves it.
  2. Log in as grace in a private window: each user always meets the same hub. Type `where grace` here to see why.
  3. Open {site}/services/whoami/ as both: one hub's service for the whole site.
  4. Type `down hub-a` here: its running servers go on, its pages wait. After 8 s who has no server there gets one elsewhere.
     `up hub-a` brings it back: 20 s later its users come home, once their servers have ended. `kill hub-a` takes its
     proxy away, too: then its page offers to declare a server lost.
  5. Be an operator, in another terminal:
       export HUBROUTER_ADMIN_URL=http://{admin} HUBROUTER_TOKEN={OPERATOR}
       hubrouter status
       hubrouter drain hub-b --dry-run --reason try    (then without --dry-run, and --abort)
       hubrouter explain ada --live
       hubrouter events --follow
  6. Log out: that works at all hubs at once, dead ones included.

Type `help` for the words this console knows, or press Ctrl-C to end.
"
    );
}

/// The lines of standard input, read by a thread that nobody waits for: a read from a terminal cannot be given up.
pub(super) fn lines() -> std::io::Result<UnboundedReceiver<String>> {
    let (read, lines) = unbounded_channel();
    std::thread::Builder::new().name("console".into()).spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if read.send(line).is_err() {
                return;
            }
        }
    })?;
    Ok(lines)
}

/// Acts on words until it is told to quit. When the input ends it waits for ever: then the demo ends by a signal.
pub(super) async fn listen(mut lines: UnboundedReceiver<String>, hubs: &[SimHub], placement: &dyn Placement) {
    while let Some(line) = lines.recv().await {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            ["quit" | "exit"] => return,
            ["where", name] => whereabouts(placement, name),
            [verb, id] => match hubs.iter().find(|hub| hub.id() == *id) {
                Some(hub) => act(verb, hub).await,
                None => println!("there is no hub `{id}`"),
            },
            _ => help(),
        }
    }
    std::future::pending::<()>().await;
}

/// Where a user belongs, and the candidates behind.
fn whereabouts(placement: &dyn Placement, name: &str) {
    let Some(user) = UserName::canonical(name, NameRule::Lower) else {
        println!("`{name}` is no user name");
        return;
    };
    let order: Vec<String> =
        placement.rank(&user).iter().map(|place| format!("{} ({:.3})", place.hub, place.score)).collect();
    println!("{user}: {}", order.join(", then "));
}

async fn act(verb: &str, hub: &SimHub) {
    let id = hub.id();
    match verb {
        "down" => {
            hub.stop_hub().await;
            println!("{id}: the hub is down, its proxy and servers live");
        }
        "kill" => {
            hub.kill().await;
            println!("{id}: the hub and its proxy are down");
        }
        "up" => {
            let back = match hub.start_hub().await {
                Ok(()) => hub.start_proxy(false).await,
                Err(error) => Err(error),
            };
            match back {
                Ok(()) => println!("{id}: up again"),
                Err(error) => println!("{id}: cannot start: {error}"),
            }
        }
        _ => help(),
    }
}

fn help() {
    println!("where NAME | down HUB | kill HUB | up HUB | quit");
}

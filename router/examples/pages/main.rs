//! Writes every page of the router into a folder, to be looked at in a browser.
//!
//! `cargo run -p hubrouter --example pages -- FOLDER`

mod samples;

use std::path::PathBuf;
use std::{env, fs, io};

use hubrouter::pages::{Chrome, Wants, answer};

fn main() -> io::Result<()> {
    let Some(folder) = env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::other("name the folder that takes the pages"));
    };
    fs::create_dir_all(&folder)?;
    for (name, page) in samples::all() {
        // One page with a banner is enough to see it.
        let chosen_hub = (name == "start-elsewhere").then(|| samples::hub("hub-b"));
        let base_url = "/".parse().map_err(|error| io::Error::other(format!("{error:?}")))?;
        let chrome = Chrome { base_url, chosen_hub, request_id: Some("7f3a09c2".into()) };
        fs::write(folder.join(format!("{name}.html")), answer(&page, Wants::Html, &chrome).body())?;
        fs::write(folder.join(format!("{name}.json")), answer(&page, Wants::Json, &chrome).body())?;
    }
    Ok(())
}

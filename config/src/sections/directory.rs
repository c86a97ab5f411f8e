//! `directory`: in memory or in Redis, each with keys of its own.

use serde::Serialize;

use crate::model::{Directory, RedisDirectory, RedisTls};
use crate::read::{At, Section, choice, existing_file, list_of, password, text, word};
use crate::values::HubUrl;

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Memory,
    Redis,
}

pub(super) fn directory(at: &At<'_>) -> Option<Directory> {
    let mut keys = at.section()?;
    let kind = keys.or("kind", Kind::Memory, choice(&[Kind::Memory, Kind::Redis]));
    if !keys.sound(&["kind"]) {
        return None; // which keys belong here is not known
    }
    Some(match kind {
        Kind::Memory => {
            let file = keys.optional("file", text).map(|file| at.beside(&file));
            keys.finish_with(redis_only);
            Directory::Memory { file }
        }
        Kind::Redis => Directory::Redis(redis(keys)),
    })
}

fn redis(mut keys: Section<'_>) -> RedisDirectory {
    let directory = RedisDirectory {
        url: keys.optional("url", redis_url),
        sentinels: keys.or("sentinels", Vec::new(), list_of(host_and_port)),
        master: keys.optional("master", word),
        username: keys.optional("username", text),
        password: keys.optional("password", password),
        sentinel_password: keys.optional("sentinel_password", password),
        tls: keys.optional("tls", tls),
        prefix: keys.or("prefix", RedisDirectory::default_prefix(), word),
    };
    check_servers(&mut keys);
    let plain = directory.url.as_ref().is_some_and(|url| url.starts_with("redis://"));
    if plain && keys.get("tls").is_some() {
        keys.problem::<()>("tls", "tls for a url that is redis://", "write rediss://, or remove tls");
    }
    keys.finish_with(memory_only);
    directory
}

fn check_servers(keys: &mut Section<'_>) {
    let mut has = |key| keys.get(key).is_some();
    let (url, sentinels, master) = (has("url"), has("sentinels"), has("master"));
    let sentinel_password = has("sentinel_password");
    match (url, sentinels) {
        (true, true) => keys.problem("sentinels", "both url and sentinels", "keep one of them"),
        (false, false) => keys.problem("url", "no Redis named", "add url, or sentinels with master"),
        _ => Some(()),
    };
    if sentinels && !master {
        keys.problem::<()>(
            "master",
            "`master` is missing",
            "write the name that the sentinels know, often mymaster",
        );
    }
    if !sentinels && (master || sentinel_password) {
        let key = if master { "master" } else { "sentinel_password" };
        keys.problem::<()>(key, format!("`{key}` without sentinels"), "add sentinels, or remove it");
    }
}

fn redis_url(at: &At<'_>) -> Option<String> {
    let text = text(at)?;
    let Some((scheme, rest)) =
        text.split_once("://").filter(|(scheme, _)| matches!(*scheme, "redis" | "rediss"))
    else {
        return at.problem("not a redis:// or rediss:// address", "write for example rediss://redis:6379");
    };
    // Host and port have the same form as a hub's.
    match format!("http://{rest}").parse::<HubUrl>() {
        Ok(_) => Some(format!("{scheme}://{}", rest.trim_end_matches('/'))),
        Err(_) if rest.contains('@') => {
            at.problem("an address must not hold a user or password", "use the keys username and password")
        }
        Err(_) => at.problem("not scheme, host and port", "write for example rediss://redis:6379"),
    }
}

fn host_and_port(at: &At<'_>) -> Option<String> {
    let text = text(at)?;
    let has_port = text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    match format!("http://{text}").parse::<HubUrl>() {
        Ok(_) if has_port && !text.ends_with('/') => Some(text),
        _ => at.problem("not host and port", "write for example sentinel-a:26379"),
    }
}

fn tls(at: &At<'_>) -> Option<RedisTls> {
    let mut keys = at.section()?;
    let tls = RedisTls { ca: keys.optional("ca", existing_file) };
    keys.finish();
    Some(tls)
}

fn redis_only(key: &str) -> Option<(&'static str, &'static str)> {
    let keys = ["url", "sentinels", "master", "username", "password", "sentinel_password", "tls", "prefix"];
    keys.contains(&key).then_some(("this key belongs to kind: redis", "write kind: redis, or remove the key"))
}

fn memory_only(key: &str) -> Option<(&'static str, &'static str)> {
    (key == "file").then_some(("this key belongs to kind: memory", "remove it: Redis keeps the directory"))
}

//! Secrets and files: fetched at load time, so that what is missing is a finding and not a surprise.
//!
//! No message holds a secret, nor what may be one in the wrong place.

use std::path::{Path, PathBuf};

use super::{At, scalar};
use crate::node::Value;
use crate::values::{PemFile, Secret};

/// What a session cookie's HMAC-SHA-256 asks for (RFC 2104 section 3): a key as long as its output.
const SESSION_KEY_BYTES: usize = 32;

/// A token that is sent in a header: visible ASCII.
pub(crate) fn token(at: &At<'_>) -> Option<Secret<String>> {
    let token = outside_text(at)?;
    match token.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Some(Secret::new(token)),
        false => at.problem(
            "the token holds spaces, line ends or letters beyond ASCII",
            "store the bare token on one line",
        ),
    }
}

/// A password: any text.
pub(crate) fn password(at: &At<'_>) -> Option<Secret<String>> {
    outside_text(at).map(Secret::new)
}

/// The placement seed, which may also stand in the file: it is no more secret than the file is.
pub(crate) fn seed(at: &At<'_>) -> Option<Secret<String>> {
    match &at.node.value {
        Value::Scalar { .. } => scalar::text(at).map(Secret::new),
        _ => outside_text(at).map(Secret::new),
    }
}

/// A key of the session cookie: any bytes, at least 32.
pub(crate) fn session_key(at: &At<'_>) -> Option<Secret<Vec<u8>>> {
    let key = outside(at)?;
    if key.len() < SESSION_KEY_BYTES {
        let message = format!("the key has {} bytes, fewer than {SESSION_KEY_BYTES}", key.len());
        return at.problem(message, "make one with: openssl rand -base64 48");
    }
    Some(Secret::new(key))
}

/// The path of a file that must be there, such as a certificate; relative to the configuration's folder.
pub(crate) fn existing_file(at: &At<'_>) -> Option<PathBuf> {
    let path = at.beside(&scalar::text(at)?);
    read(at, &path)?;
    Some(path)
}

/// A PEM file, read now: what it holds is judged by whoever speaks TLS.
pub(crate) fn pem_file(at: &At<'_>) -> Option<PemFile> {
    let path = at.beside(&scalar::text(at)?);
    let file = PemFile::new(path.clone(), read(at, &path)?);
    at.reader.pems.borrow_mut().insert(at.key.clone(), file.clone());
    Some(file)
}

fn outside_text(at: &At<'_>) -> Option<String> {
    match String::from_utf8(outside(at)?) {
        Ok(text) => Some(text),
        Err(_) => at.problem("the secret is not text", "store it as UTF-8"),
    }
}

/// The bytes of `{env: NAME}` or `{file: PATH}`.
fn outside(at: &At<'_>) -> Option<Vec<u8>> {
    if !matches!(at.node.value, Value::Map(_)) {
        return at.problem(
            "a secret must not stand in the configuration file",
            "put it into an environment variable or a file and write {env: NAME} or {file: PATH}",
        );
    }
    let mut keys = at.section()?;
    let (env, file) = (keys.get("env"), keys.get("file"));
    let sound_before = at.reader.sound(&[&at.key]);
    keys.finish();
    let secret = match (env, file) {
        (Some(env), None) => from_env(&env)?,
        (None, Some(file)) => from_file(&file)?,
        _ if !sound_before || !at.reader.sound(&[&at.key]) => return None,
        _ => return at.problem("expected either env or file", "write {env: NAME} or {file: PATH}"),
    };
    match secret.is_empty() {
        true => stand_in(at).or_else(|| at.problem("the secret is empty", "set it, or leave the key out")),
        false => Some(secret),
    }
}

fn from_env(at: &At<'_>) -> Option<Vec<u8>> {
    let name = scalar::text(at)?;
    if let Some(value) = at.reader.sources.env(&name) {
        return Some(value.into_bytes());
    }
    // A name in capitals is a name; anything else may be the secret itself, put here by mistake.
    let capitals = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let name = if name.bytes().all(capitals) { format!(" {name}") } else { String::new() };
    stand_in(at).or_else(|| {
        at.problem(
            format!("the environment variable{name} is not set"),
            "set it for this process, or use {file: PATH}",
        )
    })
}

fn from_file(at: &At<'_>) -> Option<Vec<u8>> {
    let path = at.beside(&scalar::text(at)?);
    let mut bytes = read(at, &path)?;
    // Editors and echo end a file with a line end, which is no part of the secret.
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    Some(bytes)
}

/// Reads a file and notes it as one to watch, whether or not it is there already.
fn read(at: &At<'_>, path: &Path) -> Option<Vec<u8>> {
    let mut files = at.reader.files.borrow_mut();
    if !files.iter().any(|known| known == path) {
        files.push(path.to_owned());
    }
    drop(files);
    match at.reader.sources.read(path) {
        Ok(bytes) => Some(bytes),
        Err(error) => stand_in(at).or_else(|| {
            at.problem(
                format!("cannot read {}: {error}", path.display()),
                "check path and permissions; paths are relative to the folder of the configuration file",
            )
        }),
    }
}

/// What the sources have in place of a secret that cannot be had, as a rule nothing.
fn stand_in(at: &At<'_>) -> Option<Vec<u8>> {
    at.reader.sources.stand_in(&at.key)
}

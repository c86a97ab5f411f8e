//! The contents and kernels API of a server, in memory.

use http::header::LOCATION;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::SystemTime;

use super::super::text::{iso, random_hex};
use super::super::wire::{Answer, Ask, html, json as json_answer, put, typed};
use super::{Process, problem};

/// `api/contents[/<path>]`.
pub(super) async fn contents(process: &Process, rest: &str, mut ask: Ask) -> Answer {
    let path = rest.trim_start_matches("api/contents").trim_matches('/').to_owned();
    match ask.method {
        Method::GET if path.is_empty() => {
            let files: Vec<Value> =
                process.files().iter().map(|(path, file)| model(path, file, false)).collect();
            let mut folder = model("", &json!({"type": "directory"}), false);
            folder["content"] = json!(files);
            json_answer(StatusCode::OK, &folder)
        }
        Method::GET => match process.files().get(&path) {
            Some(file) => json_answer(StatusCode::OK, &model(&path, file, true)),
            None => typed(
                StatusCode::NOT_FOUND,
                "application/json",
                format!("file or directory '/{path}' does not exist"),
            ),
        },
        Method::PUT => {
            let body = ask.read().await.unwrap_or_default();
            let Ok(file) = serde_json::from_slice::<Value>(&body) else {
                return problem(StatusCode::BAD_REQUEST, "Invalid JSON in body of request");
            };
            let saved = model(&path, &file, false);
            let old = process.files().insert(path, file);
            let mut answer =
                json_answer(if old.is_some() { StatusCode::OK } else { StatusCode::CREATED }, &saved);
            put(&mut answer, LOCATION, &ask.path);
            answer
        }
        Method::DELETE => match process.files().remove(&path) {
            Some(_) => html(StatusCode::NO_CONTENT, String::new()),
            None => problem(StatusCode::NOT_FOUND, &format!("file or directory does not exist: '{path}'")),
        },
        _ => problem(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"),
    }
}

fn model(path: &str, file: &Value, with_content: bool) -> Value {
    let now = iso(SystemTime::now());
    let kind = file.get("type").and_then(Value::as_str).unwrap_or("file");
    let content = if with_content { file.get("content").cloned().unwrap_or_default() } else { Value::Null };
    json!({
        "name": path.rsplit('/').next().unwrap_or_default(),
        "path": path,
        "last_modified": now,
        "created": now,
        "content": content,
        "format": if with_content { file.get("format").cloned().unwrap_or_else(|| json!("json")) } else { Value::Null },
        "mimetype": "text/plain",
        "size": file.to_string().len(),
        "hash": null,
        "hash_algorithm": null,
        "writable": true,
        "type": kind,
    })
}

/// `api/kernels`: all of them, or one more.
pub(super) fn kernels(process: &Process, ask: &Ask) -> Answer {
    match ask.method {
        Method::GET => {
            json_answer(StatusCode::OK, &Value::Array(process.kernels().values().cloned().collect()))
        }
        Method::POST => {
            let id = random_hex(16);
            let kernel = json!({
                "id": id,
                "name": "python3",
                "last_activity": iso(SystemTime::now()),
                "execution_state": "starting",
                "connections": 0,
            });
            let mut answer = json_answer(StatusCode::CREATED, &kernel);
            put(&mut answer, LOCATION, &format!("{}api/kernels/{id}", process.prefix()));
            process.kernels().insert(id, kernel);
            answer
        }
        _ => problem(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"),
    }
}

/// `api/kernels/<id>`.
pub(super) fn kernel(process: &Process, rest: &str, ask: &Ask) -> Answer {
    let id = rest.trim_start_matches("api/kernels/").to_owned();
    let found = process.kernels().get(&id).cloned();
    match (&ask.method, found) {
        (_, None) => problem(StatusCode::NOT_FOUND, &format!("Kernel does not exist: {id}")),
        (&Method::DELETE, Some(_)) => {
            process.kernels().remove(&id);
            html(StatusCode::NO_CONTENT, String::new())
        }
        (_, Some(kernel)) => json_answer(StatusCode::OK, &kernel),
    }
}

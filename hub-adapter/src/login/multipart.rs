//! `multipart/form-data` as tornado reads it (`httputil.parse_multipart_form_data`), and only where no reader
//! could read it otherwise.

use std::ops::Range;

use super::form::{Field, Name};

/// More parts than this is no login form.
const MAX_PARTS: usize = 64;

/// The boundary among the content type's parameters, without quotes; `None` if there is none, several, or an
/// odd one.
pub(super) fn boundary(parameters: &str) -> Option<&str> {
    let mut found = None;
    for parameter in parameters.split(';') {
        let (key, value) = parameter.trim().split_once('=').unwrap_or_default();
        if key.trim().eq_ignore_ascii_case("boundary") {
            // tornado knows this spelling only.
            if key != "boundary" || found.is_some() {
                return None;
            }
            found = Some(value);
        }
    }
    let value = found?;
    let boundary = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    ((1..=70).contains(&boundary.len()) && boundary.bytes().all(plain)).then_some(boundary)
}

pub(super) fn fields(boundary: &str, body: &[u8]) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    for part in parts(boundary, body)? {
        let head_end = find(&body[part.clone()], b"\r\n\r\n")?;
        let head = std::str::from_utf8(&body[part.start..part.start + head_end]).ok()?;
        let at = part.start + head_end + 4..part.end;
        let Disposition { name, file } = disposition(head)?;
        let Some(name) = Name::of(name) else { continue };
        if file {
            return None;
        }
        let value = std::str::from_utf8(body.get(at.clone())?).ok()?.to_owned();
        fields.push(Field { name, at, value });
    }
    Some(fields)
}

/// Where the parts stand, their last line break left off. Nothing may stand before the first or after the
/// end.
fn parts(boundary: &str, body: &[u8]) -> Option<Vec<Range<usize>>> {
    let opening = format!("--{boundary}\r\n");
    let delimiter = format!("\r\n--{boundary}");
    let mut at = body.starts_with(opening.as_bytes()).then_some(opening.len())?;
    let mut parts = Vec::new();
    loop {
        let end = at + find(&body[at..], delimiter.as_bytes())?;
        // The boundary anywhere else in a part could split it for somebody.
        if find(&body[at..end], &delimiter.as_bytes()[2..]).is_some() || parts.len() >= MAX_PARTS {
            return None;
        }
        parts.push(at..end);
        match &body[end + delimiter.len()..] {
            [b'\r', b'\n', ..] => at = end + delimiter.len() + 2,
            b"--" | b"--\r\n" => return Some(parts),
            _ => return None,
        }
    }
}

struct Disposition<'a> {
    name: &'a str,
    file: bool,
}

/// `Content-Disposition: form-data; name="..."`, and a `filename`; anything more artful is refused.
fn disposition(head: &str) -> Option<Disposition<'_>> {
    let mut found = None;
    for line in head.split("\r\n") {
        let (key, value) = line.split_once(':')?;
        // Folded lines, and line breaks that only some see.
        if key.trim() != key || line.contains(['\r', '\n']) {
            return None;
        }
        if key.eq_ignore_ascii_case("content-disposition") && found.replace(value.trim()).is_some() {
            return None;
        }
    }
    let rest = found?.strip_prefix("form-data")?.trim_start().strip_prefix(';')?.trim_start();
    let (name, rest) = rest.strip_prefix("name=\"")?.split_once('"')?;
    if name.is_empty() || name.contains('\\') {
        return None;
    }
    if rest.trim().is_empty() {
        return Some(Disposition { name, file: false });
    }
    // Nothing may follow: of two names the last would count.
    let file = rest.trim_start().strip_prefix(';')?.trim_start().strip_prefix("filename=\"")?;
    let (file, rest) = file.split_once('"')?;
    (!file.contains('\\') && rest.trim().is_empty()).then_some(Disposition { name, file: true })
}

fn find(body: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(body, what)
}

//! The hub's pages: what a browser shows, and what scripts and tests look for in them.
//!
//! Plain HTML with JupyterHub's ids, form fields and `window.jhdata`; no styling beyond a few lines.

use http::StatusCode;

use super::super::text::escape;
use super::visit::Visit;

const STYLE: &str = "body{font-family:system-ui,sans-serif;margin:2rem auto;max-width:42rem;padding:0 1rem}\
    nav a{margin-right:1rem}.error,.login_error{color:#a00}.btn{padding:.4rem 1rem}";

/// A whole page around `main`; sets the `_xsrf` cookie if the browser has no valid one.
pub(crate) fn page(visit: &mut Visit, main: &str) -> String {
    let xsrf = escape(&visit.xsrf());
    let inner = &visit.inner;
    let base = escape(&inner.hub_path(""));
    let prefix = escape(inner.base());
    let id = escape(&inner.options.id);
    let user = visit.who.as_ref().filter(|who| !who.service);
    let admin = user.is_some_and(|who| who.admin);
    let name = user.map(|who| escape(&who.name)).unwrap_or_default();
    let links = match (&name, admin) {
        (name, _) if name.is_empty() => format!("<a id=\"login\" href=\"{base}login\">Login</a>"),
        (name, admin) => {
            let admin = if admin { format!("<a href=\"{base}admin\">Admin</a>") } else { String::new() };
            format!(
                "<a href=\"{base}home\">Home</a><a href=\"{base}token\">Token</a>{admin}\
                 <span>{name}</span> <a id=\"logout\" href=\"{base}logout\">Logout</a>"
            )
        }
    };
    let hash = &inner.version_hash;
    format!(
        "\n<!DOCTYPE HTML>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>JupyterHub</title>\n\
         <link rel=\"stylesheet\" href=\"{base}static/css/style.min.css?v={hash}\">\n<style>{STYLE}</style>\n\
         <script>\nwindow.jhdata = {{\n  base_url: \"{base}\",\n  prefix: \"{prefix}\",\n  user: \"{name}\",\n  \
         xsrf_token: \"{xsrf}\",\n}}\n</script>\n</head>\n<body>\n<nav>{links}</nav>\n\
         <div class=\"announcement\">served by {id}</div>\n{main}\n</body>\n</html>\n"
    )
}

/// The error page of a status; the hub writes "None" where there is no message.
pub(crate) fn error_page(visit: &mut Visit, status: StatusCode, message: Option<&str>) -> String {
    let code = status.as_u16();
    let reason = escape(message.unwrap_or("None"));
    let detail = match (code, message) {
        (404, _) => "<p>Jupyter has lots of moons, but this is not one...</p>".to_owned(),
        (_, Some(message)) => format!("<p>{}</p>", escape(message)),
        (_, None) => String::new(),
    };
    page(visit, &format!("<div class=\"error\">\n<h1>{code} : {reason}</h1>\n{detail}\n</div>"))
}

/// The login form, with an error above it after a failure.
pub(crate) fn login_form(visit: &mut Visit, error: Option<&str>) -> String {
    let xsrf = escape(&visit.xsrf());
    let next = visit.argument("next").unwrap_or_default();
    let username = escape(&visit.argument("username").unwrap_or_default());
    let action =
        escape(&format!("{}?next={}", visit.inner.hub_path("login"), super::super::text::quote(&next)));
    let error =
        error.map(|text| format!("<p class=\"login_error\">{}</p>", escape(text))).unwrap_or_default();
    let main = format!(
        "<div id=\"login-main\" class=\"container\">\n<form action=\"{action}\" method=\"post\" role=\"form\">\n\
         <h1>Sign in</h1>\n{error}\n<input type=\"hidden\" name=\"_xsrf\" value=\"{xsrf}\" />\n\
         <p><label for=\"username_input\">Username:</label> <input id=\"username_input\" type=\"text\" \
         autocapitalize=\"off\" autocorrect=\"off\" autocomplete=\"username\" name=\"username\" \
         value=\"{username}\" autofocus=\"autofocus\" /></p>\n<p><label for=\"password_input\">Password:</label> \
         <input type=\"password\" autocomplete=\"current-password\" name=\"password\" id=\"password_input\" />\
         </p>\n<input id=\"login_submit\" type=\"submit\" class=\"btn\" value=\"Sign in\" />\n</form>\n</div>"
    );
    page(visit, &main)
}

/// The page that leads to an outside provider.
pub(crate) fn login_link(visit: &mut Visit) -> String {
    let next = visit.argument("next").unwrap_or_default();
    let target = super::super::text::with_query(&visit.inner.hub_path("oauth_login"), &[("next", &next)]);
    let main = format!(
        "<div id=\"login-main\" class=\"container\"><div class=\"service-login\">\
         <a role=\"button\" class=\"btn\" href=\"{}\">Sign in with OAuth 2.0</a></div></div>",
        escape(&target)
    );
    page(visit, &main)
}

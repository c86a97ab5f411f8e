//! `hubs`: one hub after the other. That they fit to each other is judged by `validate`.

use crate::model::{Hub, HubId, HubTls, HubUrl, Intent, ProxyApi, Scheme, Storage, Tier, Weight};
use crate::node::Value;
use crate::read::{At, Section, boolean, choice, parsed, pem_file, text, token, word};
use crate::values::Malformed;

const URL_HINT: &str = "write scheme, host and port, for example http://hub-a:8000";

/// The hubs that could be read, and the ids of all.
#[derive(Default)]
pub(super) struct Hubs {
    pub hubs: Vec<Hub>,
    pub ids: Vec<(String, HubId)>,
    pub all_ids_read: bool,
}

pub(super) fn hubs(at: &At<'_>) -> Option<Hubs> {
    let items = at.items()?;
    if items.is_empty() {
        return at.problem("no hub", "name at least one: {id: hub-a, url: 'http://hub-a:8000'}");
    }
    let mut hubs = Hubs { all_ids_read: true, ..Hubs::default() };
    for item in &items {
        let (id, hub) = hub(item);
        hubs.all_ids_read &= id.is_some();
        hubs.ids.extend(id.map(|id| (format!("{}.id", item.key), id)));
        hubs.hubs.extend(hub);
    }
    Some(hubs)
}

/// The id even where the rest is wrong: other keys name it.
fn hub(at: &At<'_>) -> (Option<HubId>, Option<Hub>) {
    let Some(mut keys) = at.section() else { return (None, None) };
    let id = keys.required("id", "write a short name that never changes, for example hub-a", hub_id);
    let allow_link_local = keys.or("allow_link_local", false, boolean);
    // A wrong permission is one finding, not two.
    let any = allow_link_local || !keys.sound(&["allow_link_local"]);
    let url = keys.required("url", URL_HINT, |at| hub_url(at, any));
    let hub_url = keys.optional("hub_url", |at| hub_url(at, any));
    let proxy_api = keys.optional("proxy_api", |at| proxy_api(at, any));
    let api_token = keys.optional("api_token", token);
    let weight = keys.or("weight", Weight::default(), weight);
    let tier = keys.or("tier", Tier::default(), choice(&[Tier::Active, Tier::Standby]));
    let intent = keys.or(
        "intent",
        Intent::default(),
        choice(&[Intent::Active, Intent::Cordoned, Intent::Draining, Intent::Maintenance]),
    );
    let storage =
        keys.or("storage", Storage::default(), choice(&[Storage::Local, Storage::Shared, Storage::Attached]));
    let storage_pool = keys.or("storage_pool", Hub::default_pool(), word);
    let tls = keys.optional("tls", tls);
    check_tls(&mut keys, &[url.as_ref(), hub_url.as_ref(), proxy_api.as_ref().map(|api| &api.url)]);
    keys.finish_with(one_base_url);
    let hub = id.clone().zip(url).map(|(id, url)| Hub {
        id,
        url,
        hub_url,
        proxy_api,
        api_token,
        weight,
        tier,
        intent,
        storage,
        storage_pool,
        allow_link_local,
        tls,
    });
    (id, hub)
}

/// `home` is what `services` calls the visitor's own hub.
fn hub_id(at: &At<'_>) -> Option<HubId> {
    let id: HubId = parsed(at)?;
    match id.as_str() {
        "home" => {
            at.problem("`home` is not free as a hub id", "use another id: `services` needs the word home")
        }
        _ => Some(id),
    }
}

fn hub_url(at: &At<'_>, allow_link_local: bool) -> Option<HubUrl> {
    let url: HubUrl = parsed(at)?;
    if url.is_link_local() && !allow_link_local {
        return at.problem(
            "a link-local or cloud metadata address",
            "use the hub's own address; if this really is it, set allow_link_local: true at this hub",
        );
    }
    Some(url)
}

fn proxy_api(at: &At<'_>, allow_link_local: bool) -> Option<ProxyApi> {
    let mut keys = at.section()?;
    let url =
        keys.required("url", "write the address of the proxy's API, for example http://hub-a:8001", |at| {
            hub_url(at, allow_link_local)
        });
    let token =
        keys.required("token", "write {env: NAME} or {file: PATH} with CONFIGPROXY_AUTH_TOKEN", token);
    keys.finish();
    Some(ProxyApi { url: url?, token: token? })
}

fn weight(at: &At<'_>) -> Option<Weight> {
    match &at.node.value {
        Value::Scalar { text, plain: true } if text.parse::<f64>().is_ok() => parsed(at),
        _ => at.malformed(Malformed::new(
            format!("expected a number, found {}", at.kind()),
            "write for example 1 or 1.5",
        )),
    }
}

fn tls(at: &At<'_>) -> Option<HubTls> {
    let mut keys = at.section()?;
    let tls = HubTls {
        ca: keys.optional("ca", pem_file),
        client_cert: keys.optional("client_cert", pem_file),
        client_key: keys.optional("client_key", pem_file),
        server_name: keys.optional("server_name", text),
    };
    match (keys.get("client_cert").is_some(), keys.get("client_key").is_some()) {
        (true, false) => keys.problem("client_cert", "a certificate without its key", "add client_key"),
        (false, true) => keys.problem("client_key", "a key without its certificate", "add client_cert"),
        _ => Some(()),
    };
    keys.finish();
    Some(tls)
}

fn check_tls(keys: &mut Section<'_>, urls: &[Option<&HubUrl>]) {
    let all_known = keys.sound(&["url", "hub_url", "proxy_api"]);
    let any_https = urls.iter().flatten().any(|url| url.scheme() == Scheme::Https);
    if keys.get("tls").is_some() && all_known && !any_https {
        keys.problem::<()>(
            "tls",
            "tls for a hub whose addresses are all http",
            "write https:// in url, or remove tls",
        );
    }
}

fn one_base_url(key: &str) -> Option<(&'static str, &'static str)> {
    (key == "base_url").then_some((
        "hubs with different base_url are not supported",
        "remove the key here and give the hubs' common base_url once, as site.base_url",
    ))
}
